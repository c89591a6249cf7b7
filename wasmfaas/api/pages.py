"""Lists in parts, of what is at hand as a whole."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from wasmfaas.store import paging

Item = TypeVar("Item")


def page_of(
    items: Sequence[Item],
    parameters: Mapping[str, Any],
    items_max: int,
    key: Callable[[Item], str],
) -> tuple[Sequence[Item], str | None]:
    """The items that the request's Marker and MaxItems ask for, and the marker to go on with, or
    None. *items* are in the order of *key*.

    Raises InvalidParameterValue for a marker that is not from here.
    """
    marker = parameters.get("Marker")
    if marker:
        last = paging.last_of(marker)
        items = [item for item in items if key(item) > last]
    limit = min(parameters.get("MaxItems", items_max), items_max)
    page = items[:limit]
    return page, paging.marker(key(page[-1])) if len(items) > limit else None
