"""Bar charts as SVG, written by hand: text and rectangles, for light pages and dark ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH = 760
_MARGIN = 20
_LABEL_WIDTH = 230
_VALUE_WIDTH = 90
_BAR_WIDTH_MAX = _WIDTH - 2 * _MARGIN - _LABEL_WIDTH - _VALUE_WIDTH
_ROW_HEIGHT = 24
_BAR_HEIGHT = 16
_TITLE_HEIGHT = 34
_NOTE_HEIGHT = 20
_PANEL_GAP = 18
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 15px; }
.note { fill: #57606a; font-size: 12px; }
.page { fill: #ffffff; }
.ours { fill: #6f42c1; }
.other { fill: #b4bcc6; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .note { fill: #9198a1; }
  .page { fill: #0d1117; }
  .ours { fill: #a371f7; }
  .other { fill: #4d5661; }
}
""".strip()


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: float
    #: Whether it is wasmfaas's, and stands out.
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: bars on one scale, which begins at zero."""

    title: str
    #: What the numbers are, and which are good.
    note: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        return _TITLE_HEIGHT + _NOTE_HEIGHT + _ROW_HEIGHT * len(self.bars)


def chart(panels: Sequence[Panel], description: str) -> str:
    """The *panels*, one below another."""
    height = 2 * _MARGIN + sum(panel.height + _PANEL_GAP for panel in panels) - _PANEL_GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(description)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}" rx="8"/>',
    ]
    top = _MARGIN
    for panel in panels:
        parts += _panel(panel, top)
        top += panel.height + _PANEL_GAP
    return "\n".join([*parts, "</svg>", ""])


def number(value: float) -> str:
    """Three digits that count: 0.0123, 4.56, 78.9, 1,230; all of a count."""
    if isinstance(value, int):
        return f"{value:,}"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:g}"


def _panel(panel: Panel, top: int) -> list[str]:
    parts = [
        f'<text class="title" x="{_MARGIN}" y="{top + 16}">{escape(panel.title)}</text>',
        f'<text class="note" x="{_MARGIN}" y="{top + 36}">{escape(panel.note)}</text>',
    ]
    greatest = max(bar.value for bar in panel.bars) or 1.0
    left = _MARGIN + _LABEL_WIDTH
    for index, bar in enumerate(panel.bars):
        y = top + _TITLE_HEIGHT + _NOTE_HEIGHT + index * _ROW_HEIGHT
        width = max(bar.value / greatest * _BAR_WIDTH_MAX, 1.0)
        kind = "ours" if bar.is_ours else "other"
        parts += [
            f'<text x="{left - 10}" y="{y + 13}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{left}" y="{y}" width="{width:.1f}" '
            f'height="{_BAR_HEIGHT}" rx="2"/>',
            f'<text x="{left + width + 8:.1f}" y="{y + 13}">{number(bar.value)}</text>',
        ]
    return parts
