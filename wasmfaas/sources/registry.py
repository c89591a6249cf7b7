"""Which source a mapping names, and who makes it."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib import metadata
from typing import Final

from wasmfaas.sources.source import ENTRY_POINTS, Source, SourceFailed, SourceMapping

_log = logging.getLogger(__name__)

#: Begins the service in the ARN of a source that AWS does not have: `wasmfaas-redis`.
EXTENSION: Final = "wasmfaas-"
#: Self-managed Kafka, which has no ARN; `kafka` in one is AWS's own.
SELF_MANAGED: Final = "self-managed-kafka"

Factory = Callable[[SourceMapping], Source | Awaitable[Source]]


class SourceFactories:
    """Makes sources. Lifetime: process.

    *own* are factories by the service in ARNs; SELF_MANAGED is that of Kafka, which has none.
    Others are looked for among the entry points of installed packages, by what follows `wasmfaas-`
    in the service.
    """

    def __init__(self, own: Mapping[str, Factory]) -> None:
        self._own = own

    async def open(self, mapping: SourceMapping) -> Source:
        """The source that *mapping* names. Raises SourceFailed."""
        service = self._service(mapping)
        factory = self._own.get(service) or _installed(service)
        if factory is None:
            raise SourceFailed(_missing(service))
        try:
            made = factory(mapping)
            return await made if inspect.isawaitable(made) else made
        except SourceFailed:
            raise
        except Exception as error:
            _log.exception("the source of event source mapping %s cannot be made", mapping.uuid)
            raise SourceFailed(f"{type(error).__name__} in the source {service}: {error}") from None

    def _service(self, mapping: SourceMapping) -> str:
        if "SelfManagedEventSource" in mapping.configuration:
            return SELF_MANAGED
        parts = mapping.arn.split(":")
        return parts[2] if len(parts) > 5 else ""


def _installed(service: str) -> Factory | None:
    """The factory that an installed package has for a service."""
    name = service.removeprefix(EXTENSION)
    if name == service:
        return None
    for point in metadata.entry_points(group=ENTRY_POINTS, name=name):
        try:
            factory: Factory = point.load()
        except Exception as error:
            _log.exception("the event source %s cannot be loaded", name)
            raise SourceFailed(f"{type(error).__name__} while loading {name}: {error}") from None
        return factory
    return None


def _missing(service: str) -> str:
    if service.startswith(EXTENSION):
        name = service.removeprefix(EXTENSION)
        return (
            f"No source {name[:100]!r} is installed: no package has an entry point of that name in "
            f"the group {ENTRY_POINTS}"
        )
    return f"Sources of the service {service[:100]!r} are not polled by this server"
