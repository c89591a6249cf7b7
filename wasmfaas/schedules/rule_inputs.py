"""What the target of a rule gets of an event: all of it, a part, or a text that is made of parts.

InputPath           $.detail.state
InputTransformer    {"InputPathsMap": {"state": "$.detail.state"},
                     "InputTemplate": "{\"text\": \"it is <state>\", \"as it is\": <state>}"}
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wasmfaas.schedule_errors import InvalidSchedule

_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d{1,6})\]|\['([^']{1,256})'\]", re.ASCII)
_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]{1,256})>", re.ASCII)
_WHOLE: Final = ("aws.events.event", "aws.events.event.json")
_RESERVED: Final = (
    *_WHOLE, "aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time",
)  # fmt: skip
_MISSING: Final = object()


def check(target: Mapping[str, Any]) -> None:
    """Raise InvalidSchedule where the input of a *target* cannot be made."""
    name = target["Id"]
    given = [each for each in ("Input", "InputPath", "InputTransformer") if each in target]
    if len(given) > 1:
        raise InvalidSchedule(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}."
        )
    if "Input" in target and not _is_json(target["Input"]):
        raise InvalidSchedule(
            f"JSON syntax error in input for target {name}. Input has to be JSON text."
        )
    if "InputPath" in target:
        _check_path(target["InputPath"], f"InputPath for target {name}")
    transformer = target.get("InputTransformer")
    if transformer is None:
        return
    paths = transformer.get("InputPathsMap", {})
    for variable, path in paths.items():
        if variable.startswith("AWS"):
            raise InvalidSchedule(
                f"InputPathsMap for target {name} has the key {variable}: keys cannot start with "
                "AWS."
            )
        _check_path(path, f"InputPathsMap {variable} for target {name}")
    for found in _VARIABLE.finditer(transformer["InputTemplate"]):
        if found[1] not in paths and found[1] not in _RESERVED:
            raise InvalidSchedule(
                f"InputTemplate for target {name} has the placeholder <{found[1]}>, which is not "
                f"in its InputPathsMap and is none of {', '.join(_RESERVED)}."
            )


def rendered(
    target: Mapping[str, Any], event: Mapping[str, Any], reserved: Mapping[str, str]
) -> str:
    """The JSON text that *target* gets of *event*; *reserved* are further variables."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = _found(event, target["InputPath"])
        return json.dumps(None if found is _MISSING else found)
    transformer = target.get("InputTransformer")
    if transformer is None:
        return json.dumps(event)
    variables: dict[str, Any] = dict(reserved)
    variables |= dict.fromkeys(_WHOLE, event)
    for variable, path in transformer.get("InputPathsMap", {}).items():
        variables[variable] = _found(event, path)
    text = "".join(_filled(transformer["InputTemplate"], variables))
    return text if _is_json(text) else json.dumps(text)


def _filled(template: str, variables: Mapping[str, Any]) -> Iterator[str]:
    """The pieces of a text. Inside quotes a variable is text, outside it is JSON; one that the
    event lacks is nothing, or null."""
    at, quoted = 0, False
    for found in _VARIABLE.finditer(template):
        literal = template[at : found.start()]
        at = found.end()
        yield literal
        quoted ^= len(re.findall(r'(?<!\\)(?:\\\\)*"', literal)) % 2 == 1
        value = variables.get(found[1], _MISSING)
        if value is _MISSING:
            yield "" if quoted else "null"
        elif not quoted:
            yield json.dumps(value)
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            yield json.dumps(text)[1:-1]
    yield template[at:]


def _check_path(path: str, where: str) -> None:
    if path and _steps(path) is None:
        raise InvalidSchedule(
            f"Invalid {where}: {path[:100]} is no path like $.detail.state, $.resources[0] or "
            "$.detail['a name']."
        )


def _steps(path: str) -> list[str | int] | None:
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        steps.append(int(found[2]) if found[2] else found[1] or found[3])
        at = found.end()
    return steps


def _found(event: Any, path: str) -> Any:
    for step in _steps(path) or ():
        named = isinstance(step, str) and isinstance(event, Mapping) and step in event
        counted = isinstance(step, int) and isinstance(event, list) and step < len(event)
        if not (named or counted):
            return _MISSING
        event = event[step]
    return event


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
