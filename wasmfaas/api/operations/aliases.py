"""Aliases."""

from collections.abc import Mapping
from typing import Any

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.models import Alias
from wasmfaas.store.registry import Registry

#: Aliases on one page where the request does not say.
PAGE = 50


class AliasOperations:
    """Handlers of the operations on aliases. Lifetime: process."""

    def __init__(self, *, registry: Registry, names: Names) -> None:
        self._aliases = registry.aliases
        self._names = names

    def rows(self) -> Mapping[str, Handler]:
        return {
            "CreateAlias": self.create,
            "GetAlias": self.get,
            "UpdateAlias": self.update,
            "DeleteAlias": self.delete,
            "ListAliases": self.list_aliases,
        }

    async def create(self, call: Call) -> Reply:
        alias = await self._aliases.create(
            self._names.unqualified(call.function),
            call.parameters["Name"],
            call.parameters["FunctionVersion"],
            call.parameters.get("Description", ""),
            _weights(call.parameters.get("RoutingConfig", {})),
        )
        return Reply(self._view(alias))

    async def get(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        return Reply(self._view(await self._aliases.get(name, call.parameters["Name"])))

    async def update(self, call: Call) -> Reply:
        routing = call.parameters.get("RoutingConfig")
        alias = await self._aliases.update(
            self._names.unqualified(call.function),
            call.parameters["Name"],
            version=call.parameters.get("FunctionVersion"),
            description=call.parameters.get("Description"),
            weights=None if routing is None else _weights(routing),
            revision_id=call.parameters.get("RevisionId"),
        )
        return Reply(self._view(alias))

    async def delete(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        await self._aliases.delete(name, call.parameters["Name"])
        return Reply()

    async def list_aliases(self, call: Call) -> Reply:
        aliases, following = await self._aliases.page(
            self._names.unqualified(call.function),
            call.parameters.get("FunctionVersion"),
            call.parameters.get("Marker"),
            call.parameters.get("MaxItems", PAGE),
        )
        return Reply({"Aliases": list(map(self._view, aliases)), "NextMarker": following})

    def _view(self, alias: Alias) -> dict[str, Any]:
        routing = {"AdditionalVersionWeights": dict(alias.weights)}
        return {
            "AliasArn": self._names.arn(alias.function_name, alias.name),
            "Name": alias.name,
            "FunctionVersion": alias.version,
            "Description": alias.description,
            "RoutingConfig": routing if alias.weights else None,
            "RevisionId": alias.revision_id,
        }


def _weights(routing: Mapping[str, Any]) -> Mapping[str, float]:
    weights: Mapping[str, float] = routing.get("AdditionalVersionWeights", {})
    return weights
