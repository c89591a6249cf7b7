"""Tags of functions and of event source mappings."""

import dataclasses
from collections.abc import Callable, Mapping

from wasmfaas.api import event_sources
from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.errors import InvalidParameterValue, ResourceNotFound
from wasmfaas.store.event_sources import EventSourceMapping
from wasmfaas.store.registry import Registry

Tags = Mapping[str, str]
#: In the ARN of an event source mapping, before its UUID.
MAPPING = ":event-source-mapping:"


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
        mapping_uuid = self._mapping(call)
        if mapping_uuid is not None:
            return Reply({"Tags": await self._mapping_tags(call, mapping_uuid)})
        function = await self._registry.get(self._function(call))
        return Reply({"Tags": dict(function.tags)})

    async def tag(self, call: Call) -> Reply:
        added = call.parameters["Tags"]
        mapping_uuid = self._mapping(call)
        if mapping_uuid is None:
            await self._registry.tag(self._function(call), added)
        else:
            await self._retag(call, mapping_uuid, lambda tags: {**tags, **added})
        return Reply()

    async def untag(self, call: Call) -> Reply:
        keys = call.parameters["TagKeys"]
        mapping_uuid = self._mapping(call)
        if mapping_uuid is None:
            await self._registry.untag(self._function(call), keys)
        else:
            await self._retag(
                call,
                mapping_uuid,
                lambda tags: {key: value for key, value in tags.items() if key not in keys},
            )
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

    def _mapping(self, call: Call) -> str | None:
        """The UUID of the event source mapping that Resource names; None where it is another
        resource."""
        prefix, mark, mapping_uuid = call.parameters["Resource"].partition(MAPPING)
        if not mark:
            return None
        if prefix != f"arn:aws:lambda:{self._names.region}:{self._names.account_id}":
            raise _no_mapping(call)
        return str(mapping_uuid)

    async def _mapping_tags(self, call: Call, mapping_uuid: str) -> Tags:
        try:
            found = await self._registry.event_sources.get(mapping_uuid)
        except ResourceNotFound:
            raise _no_mapping(call) from None
        return dict(found.configuration.get("Tags", {}))

    async def _retag(self, call: Call, mapping_uuid: str, retagged: Callable[[Tags], Tags]) -> None:
        def changed(mapping: EventSourceMapping) -> EventSourceMapping:
            tags = retagged(mapping.configuration.get("Tags", {}))
            event_sources.check_tags(tags)
            configuration = {**mapping.configuration, "Tags": tags}
            return dataclasses.replace(mapping, configuration=configuration)

        try:
            # Its identity stays what it is, so that there is nothing to conflict with.
            await self._registry.event_sources.update(mapping_uuid, changed, AssertionError)
        except ResourceNotFound:
            raise _no_mapping(call) from None


def _no_mapping(call: Call) -> ResourceNotFound:
    return ResourceNotFound(f"Event source mapping not found: {call.parameters['Resource']}")
