"""Versions: publish, list."""

from collections.abc import Mapping

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.api.rules import check_supported
from wasmfaas.api.views import Views
from wasmfaas.store.registry import Registry

#: Versions on one page, whatever MaxItems says; Lambda's number.
PAGE_MAX = 50


class VersionOperations:
    """Handlers of the operations on versions. Lifetime: process."""

    def __init__(self, *, registry: Registry, names: Names, views: Views) -> None:
        self._registry = registry
        self._names = names
        self._views = views

    def rows(self) -> Mapping[str, Handler]:
        return {
            "PublishVersion": self.publish,
            "ListVersionsByFunction": self.list_versions,
        }

    async def publish(self, call: Call) -> Reply:
        check_supported({"PublishTo": call.parameters.get("PublishTo")})
        version = await self._registry.versions.publish(
            self._names.unqualified(call.function),
            call.parameters.get("Description"),
            call.parameters.get("CodeSha256"),
            call.parameters.get("RevisionId"),
        )
        return Reply(self._views.configuration(version, version.number))

    async def list_versions(self, call: Call) -> Reply:
        versions, following = await self._registry.versions.page(
            self._names.unqualified(call.function),
            call.parameters.get("Marker"),
            min(call.parameters.get("MaxItems", PAGE_MAX), PAGE_MAX),
        )
        listed = [self._views.listed(version, version.number) for version in versions]
        return Reply({"Versions": listed, "NextMarker": following})
