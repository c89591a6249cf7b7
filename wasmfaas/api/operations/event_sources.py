"""Event source mappings. What polls the sources is in `triggers.mappings`."""

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from wasmfaas.api import event_sources
from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.api.operations.event_invoke import Destinations
from wasmfaas.api.places import Place, Places
from wasmfaas.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from wasmfaas.store.event_sources import EventSourceMapping, EventSourceMappings

PAGE_MAX = 100
#: Members that are kept and not shown.
HIDDEN = ("Enabled", "Tags")


class EventSourceOperations:
    """Handlers of the operations on event source mappings. Lifetime: process."""

    def __init__(
        self,
        *,
        mappings: EventSourceMappings,
        places: Places,
        names: Names,
        destinations: Destinations,
    ) -> None:
        self._mappings = mappings
        self._places = places
        self._names = names
        self._destinations = destinations

    def rows(self) -> Mapping[str, Handler]:
        return {
            "CreateEventSourceMapping": self.create,
            "GetEventSourceMapping": self.get,
            "UpdateEventSourceMapping": self.update,
            "DeleteEventSourceMapping": self.delete,
            "ListEventSourceMappings": self.list_all,
        }

    async def create(self, call: Call) -> Reply:
        mapping_uuid = str(uuid.uuid4())
        configuration = event_sources.created(call.parameters, mapping_uuid)
        place = await self._function(call.function)
        await self._check_destinations(place, call.parameters)
        mapping = EventSourceMapping(
            uuid=mapping_uuid,
            function_name=place.name,
            qualifier=place.qualifier,
            source=event_sources.source_of(configuration),
            configuration=configuration,
        )
        stored = await self._mappings.create(mapping, self._conflict(mapping))
        return Reply(self._shown(stored, "Creating"))

    async def get(self, call: Call) -> Reply:
        return Reply(self._shown(await self._mappings.get(call.parameters["UUID"])))

    async def update(self, call: Call) -> Reply:
        given = call.parameters
        before = await self._mappings.get(given["UUID"])
        place = Place(before.function_name, before.qualifier, "")
        if "FunctionName" in given:
            place = await self._function(call.function)
        await self._check_destinations(place, given)

        def changed(mapping: EventSourceMapping) -> EventSourceMapping:
            return dataclasses.replace(
                mapping,
                function_name=place.name,
                qualifier=place.qualifier,
                configuration=event_sources.updated(mapping.configuration, given),
            )

        conflict = self._conflict(changed(before))
        stored = await self._mappings.update(given["UUID"], changed, conflict)
        state = "Updating"
        if stored.configuration["Enabled"] != before.configuration["Enabled"]:
            state = "Enabling" if stored.configuration["Enabled"] else "Disabling"
        return Reply(self._shown(stored, state))

    async def delete(self, call: Call) -> Reply:
        deleted = await self._mappings.delete(call.parameters["UUID"])
        return Reply(self._shown(deleted, "Deleting"))

    async def list_all(self, call: Call) -> Reply:
        name = qualifier = None
        if "FunctionName" in call.parameters:
            place = self._places.named(call.function)
            name, qualifier = place.name, place.qualifier or None
        page, marker = await self._mappings.page(
            function_name=name,
            qualifier=qualifier,
            source=call.parameters.get("EventSourceArn"),
            marker=call.parameters.get("Marker"),
            limit=call.parameters.get("MaxItems", PAGE_MAX),
        )
        shown = [self._shown(each) for each in page]
        return Reply({"EventSourceMappings": shown, "NextMarker": marker})

    async def _function(self, text: str) -> Place:
        try:
            return await self._places.find(text)
        except ResourceNotFound:
            raise InvalidParameterValue("Function does not exist") from None

    async def _check_destinations(self, place: Place, given: Mapping[str, Any]) -> None:
        if "DestinationConfig" in given:
            await self._destinations.checked(place.name, given["DestinationConfig"])

    def _conflict(self, mapping: EventSourceMapping) -> Callable[[str], ResourceConflict]:
        arn = self._arn(mapping)
        return lambda other: event_sources.conflict(
            mapping.configuration, mapping.function_name, arn, other
        )

    def _arn(self, mapping: EventSourceMapping) -> str:
        return self._names.arn(mapping.function_name, mapping.qualifier or None)

    def _shown(self, mapping: EventSourceMapping, state: str | None = None) -> dict[str, Any]:
        configuration = mapping.configuration
        settled = "Enabled" if configuration["Enabled"] else "Disabled"
        kind = event_sources.kind_of(configuration)
        region, account = self._names.region, self._names.account_id
        shown = {name: value for name, value in configuration.items() if name not in HIDDEN}
        if kind.shows_result(mapping.result):
            shown["LastProcessingResult"] = mapping.result
        return shown | {
            "UUID": mapping.uuid,
            "EventSourceMappingArn": f"arn:aws:lambda:{region}:{account}:event-source-mapping:"
            f"{mapping.uuid}",
            "FunctionArn": self._arn(mapping),
            "LastModified": mapping.modified_at_ms / 1000,
            "State": state or mapping.state or settled,
            "StateTransitionReason": kind.reason,
        }
