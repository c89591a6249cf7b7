"""Where something is attached: a function, or one version or alias of it."""

from dataclasses import dataclass

from wasmfaas.api.names import Names
from wasmfaas.errors import ResourceNotFound
from wasmfaas.store.registry import Registry


@dataclass(frozen=True, slots=True)
class Place:
    """A function as a request names it, known to exist."""

    name: str
    #: A version or an alias, `$LATEST` where the request says so; empty for the name itself.
    qualifier: str
    arn: str


class Places:
    """Finds places. Lifetime: process."""

    def __init__(self, registry: Registry, names: Names) -> None:
        self._registry = registry
        self._names = names

    async def find(self, text: str, qualifier: str | None = None) -> Place:
        """The place that *text* and the Qualifier of a request name.

        Raises ResourceNotFound, in Lambda's words for a function, a version or an alias, and as
        `Names.parse` does.
        """
        place = self.named(text, qualifier)
        try:
            await self._registry.require(place.name, place.qualifier or None)
        except ResourceNotFound:
            await self._registry.get(place.name)
            if place.qualifier.isdecimal() or place.qualifier.startswith("$"):
                raise
            raise ResourceNotFound(f"Cannot find alias arn: {place.arn}") from None
        return place

    def named(self, text: str, qualifier: str | None = None) -> Place:
        """As `find`, but whether it exists is left open."""
        reference = self._names.parse(text, qualifier)
        arn = self._names.arn(reference.name, reference.qualifier)
        return Place(reference.name, reference.qualifier or "", arn)
