"""Functions: create, read, list, update, delete."""

from collections.abc import Mapping
from typing import Any, Protocol

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.code_sources import CodeSources
from wasmfaas.api.configuration import Configurations
from wasmfaas.api.downloads import CodeLinks
from wasmfaas.api.names import Names
from wasmfaas.api.rules import check_supported
from wasmfaas.api.used_layers import UsedLayers
from wasmfaas.api.views import Views
from wasmfaas.errors import InvalidParameterValue, PreconditionFailed
from wasmfaas.models import LATEST, Function, Version
from wasmfaas.store.attachments import RESERVED
from wasmfaas.store.registry import Registry

#: Functions on one page, whatever MaxItems says; Lambda's number.
PAGE_MAX = 50
#: Times that an update of the configuration is tried again after another update came between.
MERGES_MAX = 5


class Deployer(Protocol):
    """What brings functions into service; raises WasmfaasError where it can't."""

    async def create(
        self,
        configuration: Mapping[str, Any],
        package: bytes,
        tags: Mapping[str, str],
        publish: bool = False,
    ) -> Function: ...

    async def update_code(
        self,
        name: str,
        package: bytes,
        revision_id: str | None = None,
        dry_run: bool = False,
        publish: bool = False,
    ) -> Function: ...

    async def update_configuration(
        self, name: str, configuration: Mapping[str, Any], revision_id: str | None = None
    ) -> Function: ...

    async def delete(self, name: str, version: str | None = None) -> None: ...


class FunctionOperations:
    """Handlers of the operations on functions. Lifetime: process."""

    def __init__(
        self,
        *,
        registry: Registry,
        deployments: Deployer,
        configurations: Configurations,
        names: Names,
        views: Views,
        links: CodeLinks,
        layers: UsedLayers,
        sources: CodeSources,
    ) -> None:
        self._registry = registry
        self._deployments = deployments
        self._configurations = configurations
        self._names = names
        self._views = views
        self._links = links
        self._layers = layers
        self._sources = sources

    def rows(self) -> Mapping[str, Handler]:
        return {
            "CreateFunction": self.create,
            "GetFunction": self.get,
            "GetFunctionConfiguration": self.get_configuration,
            "ListFunctions": self.list_functions,
            "UpdateFunctionCode": self.update_code,
            "UpdateFunctionConfiguration": self.update_configuration,
            "DeleteFunction": self.delete,
        }

    async def create(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        layers = await self._layers.asked(call.parameters)
        configuration = self._configurations.created(name, call.parameters, layers)
        tags = call.parameters.get("Tags", {})
        publish = call.parameters.get("Publish", False)
        async with self._sources.package(call.parameters["Code"]) as package:
            function = await self._deployments.create(configuration, package, tags, publish)
        return Reply(self._views.configuration(function.published or function.latest))

    async def get(self, call: Call) -> Reply:
        function, version, qualifier = await self._described(call)
        reserved = await self._registry.attachments.reserved_concurrency(version.function_name)
        location = self._links.url(version.deployment.code_digest, call.authority)
        return Reply(
            {
                "Configuration": self._views.configuration(version, qualifier),
                "Code": {"RepositoryType": "S3", "Location": location},
                "Tags": dict(function.tags) or None,
                "Concurrency": None if reserved is None else {RESERVED: reserved},
            }
        )

    async def get_configuration(self, call: Call) -> Reply:
        _, version, qualifier = await self._described(call)
        return Reply(self._views.configuration(version, qualifier))

    async def _described(self, call: Call) -> tuple[Function, Version, str | None]:
        """The function and the version that a request names, and the qualifier by which it does."""
        reference = self._names.parse(call.function, call.qualifier)
        function, version = await self._registry.describe(reference.name, reference.qualifier)
        return function, version, reference.qualifier

    async def list_functions(self, call: Call) -> Reply:
        limit = min(call.parameters.get("MaxItems", PAGE_MAX), PAGE_MAX)
        marker = call.parameters.get("Marker")
        if call.parameters.get("MasterRegion", "ALL") not in ("ALL", self._names.region):
            # Functions that were copied here from that region: none were.
            return Reply({"Functions": []})
        if call.parameters.get("FunctionVersion") == "ALL":
            versions, following = await self._registry.versions.page(None, marker, limit)
            listed = [self._views.listed(version, version.number) for version in versions]
        else:
            functions, following = await self._registry.list_functions(marker, limit)
            listed = [self._views.listed(function.latest) for function in functions]
        return Reply({"Functions": listed, "NextMarker": following})

    async def update_code(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        function = await self._registry.get(name)
        if call.parameters.get("ImageUri"):
            raise InvalidParameterValue(
                "Please don't provide ImageUri when updating a function with packageType Zip."
            )
        check_supported(call.parameters)
        self._check_architectures(function, call.parameters)
        async with self._sources.package(call.parameters) as package:
            updated = await self._deployments.update_code(
                name,
                package,
                revision_id=call.parameters.get("RevisionId"),
                dry_run=call.parameters.get("DryRun", False),
                publish=call.parameters.get("Publish", False),
            )
        published = updated.published
        if published is not None:
            return Reply(self._views.configuration(published, published.number))
        return Reply(self._views.configuration(updated.latest))

    async def update_configuration(self, call: Call) -> Reply:
        """Merging reads first, so an update in between is noticed by the revision; unless the
        client named one, the merge is done again on what is there now."""
        name = self._names.unqualified(call.function)
        asked = call.parameters.get("RevisionId")
        layers = await self._layers.asked(call.parameters)
        for tries_left in reversed(range(MERGES_MAX)):
            current = await self._registry.get(name)
            configuration = self._configurations.updated(
                current.shown.configuration, call.parameters, layers
            )
            try:
                function = await self._deployments.update_configuration(
                    name, configuration, revision_id=asked or current.revision_id
                )
                return Reply(self._views.configuration(function.latest))
            except PreconditionFailed:
                if asked or not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def delete(self, call: Call) -> Reply:
        reference = self._names.parse(call.function, call.qualifier)
        if reference.qualifier == LATEST:
            raise InvalidParameterValue(
                "$LATEST version cannot be deleted without deleting the function."
            )
        if reference.qualifier is not None and not reference.qualifier.isdecimal():
            raise InvalidParameterValue("Deletion of aliases is not currently supported.")
        await self._deployments.delete(reference.name, reference.qualifier)
        return Reply({"StatusCode": 204})

    def _check_architectures(self, function: Function, parameters: Mapping[str, Any]) -> None:
        current = function.shown.configuration["Architectures"]
        asked = parameters.get("Architectures", current)
        if asked != current:
            raise InvalidParameterValue(
                f"Architectures is {asked}, but the function was created with {current}, and "
                "WebAssembly runs alike on both. Leave it out."
            )
