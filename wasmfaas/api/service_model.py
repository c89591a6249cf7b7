"""APIs as data: the files that `.ci/generate_service_model.py` writes, one for each service.

    operation = ServiceModel.load(SQS_MODEL_FILE).operations["SendMessage"]
    parameters = bind(Route(operation, {}, ()), headers, body)      # wasmfaas.api.request
    check(operation.input, parameters)                              # wasmfaas.api.validation
    response = of_result(operation, {"MessageId": "…"})             # wasmfaas.api.response

For services whose operations have paths of their own, `Router(model.operations.values())` makes
the route. SQS's older protocol, of queries and XML, has the same members under the same names,
lists and maps flattened.
"""

import enum
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import Any, Self

MODEL_FILE = "service-model.json"
LOGS_MODEL_FILE = "logs-model.json"
SCHEDULER_MODEL_FILE = "scheduler-model.json"
EVENTS_MODEL_FILE = "events-model.json"
SQS_MODEL_FILE = "sqs-model.json"


class Location(enum.StrEnum):
    """Where a member travels; BODY is a member of the JSON body."""

    BODY = "body"
    URI = "uri"
    QUERY = "querystring"
    HEADER = "header"
    STATUS = "statusCode"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a structure and its place in the message."""

    name: str
    shape: "Shape"
    location: Location
    #: Name of the header, of the query parameter or of the placeholder in the path.
    location_name: str


@dataclass(frozen=True)
class Shape:
    """One type of the model. Attributes that a type does not have are None or empty."""

    name: str
    #: structure, list, map, string, integer, long, double, boolean, blob or timestamp.
    type: str
    description: Mapping[str, Any] = field(repr=False)
    shapes: Mapping[str, "Shape"] = field(repr=False, compare=False)

    @cached_property
    def members(self) -> Mapping[str, Member]:
        found = {}
        for name, described in self.description.get("members", {}).items():
            place = {"shape": described} if isinstance(described, str) else described
            found[name] = Member(
                name,
                self.shapes[place["shape"]],
                Location(place.get("location", Location.BODY)),
                place.get("locationName", name),
            )
        return found

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.description.get("required", ()))

    @property
    def payload(self) -> Member | None:
        """The member that is the whole body."""
        name = self.description.get("payload")
        return None if name is None else self.members[name]

    @property
    def member(self) -> "Shape":
        """The type of a list's items."""
        return self.shapes[self.description["member"]]

    @property
    def key(self) -> "Shape":
        """The type of a map's keys."""
        return self.shapes[self.description["key"]]

    @property
    def value(self) -> "Shape":
        """The type of a map's values."""
        return self.shapes[self.description["value"]]

    @property
    def minimum(self) -> float | None:
        """Least value of a number, or least length of anything else."""
        return self.description.get("min")

    @property
    def maximum(self) -> float | None:
        """Greatest value of a number, or greatest length of anything else."""
        return self.description.get("max")

    @property
    def pattern(self) -> str | None:
        """The regular expression of a string, in Java's syntax."""
        return self.description.get("pattern")

    @cached_property
    def expression(self) -> re.Pattern[str] | None:
        """`pattern` for Python; the whole string has to match it."""
        return None if self.pattern is None else translated(self.pattern)

    @property
    def values(self) -> tuple[str, ...]:
        """The values of an enumeration."""
        return tuple(self.description.get("enum", ()))

    @property
    def sensitive(self) -> bool:
        """Whether values must not be repeated in messages."""
        return bool(self.description.get("sensitive", False))


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API and its binding to HTTP."""

    name: str
    method: str
    #: Segments of the path; a placeholder is written `{Name}`.
    segments: tuple[str, ...]
    #: Query parameters that tell it from another operation on the same path.
    query: Mapping[str, str]
    #: HTTP status of success.
    status: int
    input: Shape
    output: Shape | None


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """All operations by name. Lifetime: process."""

    operations: Mapping[str, Operation]

    @classmethod
    def load(cls, file: str = MODEL_FILE) -> Self:
        """A model in the package: of the Lambda API unless *file* names another."""
        text = resources.files(__package__).joinpath(file).read_text("utf-8")
        document = json.loads(text)
        shapes: dict[str, Shape] = {}
        for name, description in document["shapes"].items():
            shapes[name] = Shape(name, description["type"], description, shapes)
        return cls(
            {
                name: _operation(name, description, shapes)
                for name, description in document["operations"].items()
            }
        )


def _operation(name: str, description: Mapping[str, Any], shapes: Mapping[str, Shape]) -> Operation:
    path, _, query = description["uri"].partition("?")
    output = description.get("output")
    return Operation(
        name=name,
        method=description["method"],
        segments=tuple(path.strip("/").split("/")),
        query=dict(pair.split("=") for pair in query.split("&") if pair),
        status=description["status"],
        input=shapes[description["input"]],
        output=None if output is None else shapes[output],
    )


#: Unicode's separators (category Z), which Python's expressions cannot name.
_SEPARATORS = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def translated(pattern: str) -> re.Pattern[str]:
    r"""A Java pattern of the model for Python's `fullmatch`.

    Java's `\d`, `\w` and `\s` are ASCII. The only Unicode classes in the model are `\p{L}`,
    `\p{N}` (in classes that hold `_` too, so that `\w` says the same) and `\p{Z}`.
    """
    if r"\p{" not in pattern:
        return re.compile(pattern, re.ASCII)
    for java, python in ((r"\p{L}", r"\w"), (r"\p{N}", r"\w"), (r"\p{Z}", _SEPARATORS)):
        pattern = pattern.replace(java, python)
    return re.compile(pattern)
