"""The result of a run: as one JSON document, or as tables for people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.machine import Machine
from bench.samples import P99_SAMPLES_MIN, Series

_WIDTH_MAX = 80
_DIGITS = 4
_NONE = "-"

Figures = Mapping[str, float | None]
#: What a cell of a sheet holds.
Cell = float | str | None


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure that is one figure divided by another."""

    key: str
    #: For the tables: what is compared, and with what.
    title: str
    against: str
    numerator: str
    denominator: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of its own kind: the first cell of a row says what the others are about."""

    title: str
    #: Of the other cells, with their units.
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a run found out."""

    benchmark: str
    machine: Machine
    #: How it was measured, a sentence each.
    method: Sequence[str]
    #: What was measured, by name.
    series: Mapping[str, Series] = field(default_factory=dict)
    #: The names of the series by the title of their table.
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: What series do not show.
    sheets: Sequence[Sheet] = ()
    ratios: Sequence[Ratio] = ()
    figures: Figures
    #: For every figure that is None, the reason.
    why: Mapping[str, str]
    #: Whether the sheets show all figures, so that people need no list of them.
    tabulated: bool = False


def rounded(value: float) -> float:
    """*value* to four digits that count; a count, which is an int, to all of them."""
    if isinstance(value, int):
        return value
    return float(f"{value:.{_DIGITS}g}")


def quotients(ratios: Sequence[Ratio], figures: Figures) -> dict[str, float | None]:
    """The figures that *ratios* name, None where they lack a side."""
    found: dict[str, float | None] = {}
    for ratio in ratios:
        above, below = figures[ratio.numerator], figures[ratio.denominator]
        found[ratio.key] = None if above is None or not below else above / below
    return found


def document(report: Report) -> dict[str, Any]:
    """The report as one JSON document, `figures` last."""
    return {
        "benchmark": report.benchmark,
        "machine": asdict(report.machine),
        "method": list(report.method),
        "measured": {name: _measured(series) for name, series in report.series.items()},
        "tables": [_sheet(sheet) for sheet in report.sheets],
        "why": dict(report.why),
        "figures": {
            key: None if value is None else rounded(value) for key, value in report.figures.items()
        },
    }


def _sheet(sheet: Sheet) -> dict[str, Any]:
    rows = [
        {
            "title": title,
            "values": [rounded(cell) if isinstance(cell, int | float) else cell for cell in cells],
        }
        for title, cells in sheet.rows
    ]
    return {"title": sheet.title, "columns": list(sheet.columns), "rows": rows}


def _measured(series: Series) -> dict[str, Any]:
    values = {"p50_ms": series.p50_ms, "p99_ms": series.p99_ms, "max_ms": series.max_ms}
    return {
        "title": series.title,
        "count": series.count,
        "cold": series.cold,
        **{key: None if value is None else rounded(value) for key, value in values.items()},
    }


def markdown(report: Report) -> str:
    """The sheets of a report as tables in Markdown, and what they were measured on."""
    lines = []
    for sheet in report.sheets:
        lines += [f"| {' | '.join([sheet.title, *sheet.columns])} |"]
        lines += [f"|---|{'---:|' * len(sheet.columns)}"]
        lines += [f"| {' | '.join([title, *map(_number, cells)])} |" for title, cells in sheet.rows]
        lines.append("")
    machine = report.machine
    lines.append(
        f"{datetime.now(UTC):%Y-%m-%d}, {machine.cores} cores ({machine.cpu_model}), load "
        f"{machine.load_average[0]:.1f} before the start, wasmfaas {machine.wasmfaas}, wasmtime "
        f"{machine.wasmtime}."
    )
    return "\n".join(lines)


def show(report: Report) -> None:
    """Print the report on stdout, in at most 80 columns."""
    console = Console(highlight=False)
    console.width = min(console.width, _WIDTH_MAX) if console.is_terminal else _WIDTH_MAX
    console.print(_machine(report.machine))
    for title, names in report.groups.items():
        console.print(_times(title, [report.series[name] for name in names]))
    for sheet in report.sheets:
        console.print(_numbers(sheet))
    if not report.tabulated:
        console.print(_ratios(report) if report.ratios else _figures(report.figures))
    console.print(_sentences(report.method, "dim"))
    console.print(_sentences(_missing(report.why), "yellow"))


def _missing(why: Mapping[str, str]) -> list[str]:
    """A sentence for each reason."""
    keys: dict[str, list[str]] = {}
    for key, reason in why.items():
        keys.setdefault(reason, []).append(key)
    return [
        f"{', '.join(names)} {'was' if len(names) == 1 else 'were'} not measured: {reason}"
        for reason, names in keys.items()
    ]


def _machine(machine: Machine) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    load = ", ".join(f"{value:.1f}" for value in machine.load_average)
    table.add_row("machine", Text(f"{machine.cores} cores, {machine.cpu_model}"))
    table.add_row("kernel", Text(machine.kernel))
    table.add_row("load", Text(f"{load} (1, 5, 15 minutes before the start)"))
    versions = f"wasmfaas {machine.wasmfaas}, wasmtime {machine.wasmtime}, {machine.python}"
    table.add_row("versions", Text(versions))
    return table


def _times(title: str, group: Sequence[Series]) -> Table:
    table = _table(title, "count", "cold", "p50 ms", "p99 ms", "max ms")
    for series in group:
        p99_ms = series.p99_ms if series.count >= P99_SAMPLES_MIN else None
        times = (_number(value) for value in (series.p50_ms, p99_ms, series.max_ms))
        cold = _NONE if series.cold is None else str(series.cold)
        table.add_row(Text(series.title), str(series.count), cold, *times)
    return table


def _numbers(sheet: Sheet) -> Table:
    table = _table(sheet.title, *sheet.columns)
    for title, values in sheet.rows:
        table.add_row(Text(title), *(_number(value) for value in values))
    return table


def _figures(figures: Figures) -> Table:
    table = _table("figures", "")
    for key, value in figures.items():
        table.add_row(Text(key), _NONE if value is None else f"{rounded(value):g}")
    return table


def _ratios(report: Report) -> Table:
    """A row for what is compared, a column for what it is compared with."""
    columns = list(dict.fromkeys(ratio.against for ratio in report.ratios))
    cells: dict[str, dict[str, str]] = {}
    for ratio in report.ratios:
        value = report.figures[ratio.key]
        shown = _NONE if value is None else f"{rounded(value):g}"
        cells.setdefault(ratio.title, {})[ratio.against] = shown
    table = _table("p50, as a multiple of", *columns)
    for title, row in cells.items():
        table.add_row(Text(title), *(row.get(column, "") for column in columns))
    return table


def _sentences(sentences: Sequence[str], style: str) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0), style=style)
    for sentence in sentences:
        table.add_row("·", Text(sentence))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        header_style="bold",
        expand=True,
    )
    table.add_column(title, ratio=1)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _number(value: Cell) -> str:
    if value is None or isinstance(value, str):
        return value or _NONE
    if isinstance(value, int):
        return f"{value:,}"
    if value < 10:
        return f"{value:.3f}"
    return f"{value:.1f}" if value < 10_000 else f"{value:,.0f}"
