"""From the method, the raw path and the query of a request to the operation it names.

Routing works on the path as it was sent, still percent-encoded: an ARN is one segment there,
whatever it holds (`%3A`, `%2F`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_to_bytes

from wasmfaas.api.service_model import Operation
from wasmfaas.errors import UnknownOperation

#: More parameters than any operation has, list members included.
QUERY_PARAMETERS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Route:
    """What a request line says."""

    operation: Operation
    #: Decoded placeholders of the path by name.
    path_parameters: Mapping[str, str]
    #: Decoded query parameters in the order sent.
    query: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    placeholder: "_Node | None" = None
    #: The operations that end here, those with more query parameters first.
    operations: list[Operation] = field(default_factory=list)


class Router:
    """Finds operations. Lifetime: process."""

    def __init__(self, operations: Iterable[Operation], title: str = "the Lambda API") -> None:
        """*title* is what people call the service."""
        self._root = _Node()
        self._title = title
        for operation in operations:
            self._add(operation)

    def match(self, method: str, raw_path: bytes, query_string: bytes) -> Route:
        """The operation that the request line names.

        Raises UnknownOperation when there is none, also for a path that is not valid UTF-8.
        """
        try:
            segments = [_decoded(segment) for segment in raw_path.strip(b"/").split(b"/")]
            query = tuple(
                parse_qsl(
                    query_string.decode("ascii"),
                    keep_blank_values=True,
                    errors="strict",
                    max_num_fields=QUERY_PARAMETERS_MAX,
                )
            )
        except ValueError as error:
            raise UnknownOperation(f"The request line cannot be decoded: {error}.") from None
        found = self._walk(self._root, segments)
        given = dict(query)
        for operation in found.operations if found else ():
            if operation.method == method and operation.query.items() <= given.items():
                return Route(operation, _path_parameters(operation, segments), query)
        shown = raw_path.decode("latin-1")[:200]
        if found and (allowed := sorted({operation.method for operation in found.operations})):
            raise UnknownOperation(
                f"{shown} does not take {method[:20]}, but {' and '.join(allowed)}."
            )
        raise UnknownOperation(f"No operation of {self._title} has the path {shown}.")

    def _add(self, operation: Operation) -> None:
        node = self._root
        for segment in operation.segments:
            if segment.startswith("{"):
                node.placeholder = node.placeholder or _Node()
                node = node.placeholder
            else:
                node = node.literals.setdefault(segment, _Node())
        node.operations.append(operation)
        node.operations.sort(key=lambda each: -len(each.query))

    def _walk(self, node: _Node, segments: list[str]) -> _Node | None:
        for segment in segments:
            following = node.literals.get(segment) or (node.placeholder if segment else None)
            if following is None:
                return None
            node = following
        return node


def _decoded(segment: bytes) -> str:
    return unquote_to_bytes(segment).decode("utf-8")


def _path_parameters(operation: Operation, segments: list[str]) -> dict[str, str]:
    return {
        pattern.strip("{}"): segment
        for pattern, segment in zip(operation.segments, segments, strict=True)
        if pattern.startswith("{")
    }
