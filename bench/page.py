"""The results page: Markdown, from what benchmarks printed with `--json`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.svg import number
from bench.targets import TARGETS

_NONE = "-"
_COMMAND = "python -m bench plot FILE.json… --svg docs/results.svg --page docs/results.md"


def page(documents: Mapping[str, Mapping[str, Any]], chart: str) -> str:
    """The page about *documents*, by benchmark, which shows the picture at *chart*."""
    parts = [
        "# Results",
        f"Made by `{_COMMAND}`, from what the benchmarks print with `--json`; not edited by hand. "
        "[bench/README.md](../bench/README.md) says what is measured and how, and how to run it.",
        f"![Bar charts of the main results; the tables below have the numbers]({chart})",
        "## Targets",
        _targets(documents),
    ]
    for name, document in documents.items():
        parts += _benchmark(name, document)
    return "\n\n".join(parts) + "\n"


def _targets(documents: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for target in TARGETS:
        document = documents.get(target.benchmark)
        if document is None or target.key not in document["figures"]:
            continue
        value = document["figures"][target.key]
        if value is None:
            reached, shown = f"not measured: {document['why'].get(target.key, '')}", _NONE
        else:
            reached, shown = "yes" if target.is_reached(value) else "**missed**", number(value)
        rows.append(
            (target.benchmark, f"`{target.key}`", target.what, target.bound, shown, reached)
        )
    if not rows:
        return "None of the benchmarks below has one."
    columns = ("benchmark", "figure", "what", "target", "measured", "reached")
    return _table(columns, rows, numbers_from=4)


def _benchmark(name: str, document: Mapping[str, Any]) -> Iterable[str]:
    yield f"## {name}"
    yield _machine(document["machine"])
    for sheet in document["tables"]:
        rows = [
            (_cell(row["title"]), *(_shown(value) for value in row["values"]))
            for row in sheet["rows"]
        ]
        yield _table((_cell(sheet["title"]), *sheet["columns"]), rows)
    yield "\n".join(f"- {_cell(sentence)}" for sentence in document["method"])
    if document["measured"]:
        rows = [
            (
                f"`{key}`",
                str(series["count"]),
                *(_shown(series[what]) for what in ("p50_ms", "p99_ms", "max_ms")),
            )
            for key, series in document["measured"].items()
        ]
        table = _table(("times", "count", "p50 ms", "p99 ms", "max ms"), rows)
        yield _folded("All times", table)
    figures = [(f"`{key}`", _shown(value)) for key, value in document["figures"].items()]
    yield _folded("All figures", _table(("figure", "value"), figures))
    if document["why"]:
        yield "\n".join(f"- `{key}`: {_cell(why)}" for key, why in document["why"].items())


def _machine(machine: Mapping[str, Any]) -> str:
    load = ", ".join(f"{value:g}" for value in machine["load_average"])
    return (
        f"{machine['cores']} cores, {_cell(machine['cpu_model'])}, {machine['kernel']}; load "
        f"average before the start {load}; wasmfaas {machine['wasmfaas']}, wasmtime "
        f"{machine['wasmtime']}, {machine['python']}."
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int = 1) -> str:
    rule = ["---" if index < numbers_from else "--:" for index in range(len(columns))]
    lines = [columns, rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _folded(title: str, table: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{table}\n\n</details>"


def _shown(value: float | None) -> str:
    return _NONE if value is None else number(value)


def _cell(text: str) -> str:
    """*text*, so that it ends no cell."""
    return " ".join(text.split()).replace("|", "\\|")
