"""Tags of functions."""

from collections.abc import Mapping

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.errors import InvalidParameterValue, ResourceNotFound
from wasmfaas.store.registry import Registry


class TagOperations:
    """Handlers of the operations on tags. Lifetime: process."""

    def __init__(self, *, registry: Registry, names: Names) -> None:
        self._registry = registry
        self._names = names

    def rows(self) -> Mapping[str, Handler]:
        return {
            "ListTags": self.list_tags,
            "TagResource": self.tag,
            "UntagResource": self.untag,
        }

    async def list_tags(self, call: Call) -> Reply:
        function = await self._registry.get(self._function(call))
        return Reply({"Tags": dict(function.tags)})

    async def tag(self, call: Call) -> Reply:
        await self._registry.tag(self._function(call), call.parameters["Tags"])
        return Reply()

    async def untag(self, call: Call) -> Reply:
        await self._registry.untag(self._function(call), call.parameters["TagKeys"])
        return Reply()

    def _function(self, call: Call) -> str:
        """The function that the parameter Resource, an ARN of one of several kinds, names."""
        resource = call.parameters["Resource"]
        if ":function:" not in resource:
            raise ResourceNotFound(f"Resource not found: {resource}")
        reference = self._names.parse(resource)
        if reference.qualifier is not None:
            raise InvalidParameterValue(
                "Tags on function aliases and versions are not supported. Please specify a "
                "function ARN."
            )
        return reference.name
