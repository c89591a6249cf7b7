"""Servers that sources are at. The operator names them, with what it takes to get in; mappings only
choose among the names, so that no mapping sends this server, or its credentials, anywhere else."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from wasmfaas.declaration import environment_name
from wasmfaas.sources.source import SourceFailed, SourceMapping

#: The tag by which a mapping chooses an endpoint.
TAG: Final = "wasmfaas:endpoint"
SETTING: Final = "event_source_endpoints"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server, or one cluster of them. `repr` leaves the credentials out."""

    name: str
    #: With the credentials.
    url: str = field(repr=False)

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme


class Endpoints:
    """Endpoints by name. Lifetime: process."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls

    def of(self, mapping: SourceMapping, usual: str, schemes: Collection[str]) -> Endpoint:
        """The endpoint that *mapping* chooses by its tag, else the one named *usual*.

        Raises SourceFailed where there is none of that name, or it is not of one of *schemes*.
        """
        name = mapping.tags.get(TAG, usual)
        found = self.named(name)
        if found is None:
            raise SourceFailed(
                f"There is no endpoint {name[:100]!r}. Start the server with "
                f"{environment_name(SETTING)}={name[:100]}={min(schemes)}://HOST:PORT"
            )
        if found.scheme not in schemes:
            raise SourceFailed(
                f"The endpoint {name[:100]!r} is of {found.scheme}://, but this source needs "
                f"{' or '.join(f'{each}://' for each in sorted(schemes))}"
            )
        return found

    def named(self, name: str) -> Endpoint | None:
        """The endpoint of that name."""
        url = self._urls.get(name)
        return None if url is None else Endpoint(name, url)

    def all_of(self, schemes: Collection[str]) -> list[Endpoint]:
        """Those of one of *schemes*."""
        every = (Endpoint(name, url) for name, url in self._urls.items())
        return [each for each in every if each.scheme in schemes]
