"""Provisioned concurrency: how much of a version or an alias is ready before anybody calls."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.api.pages import page_of
from wasmfaas.api.places import Place, Places
from wasmfaas.errors import (
    InvalidParameterValue,
    ProvisionedConcurrencyConfigNotFound,
    ResourceConflict,
    ResourceNotFound,
)
from wasmfaas.invoke.provisioning import Provisioned, Status
from wasmfaas.models import LATEST
from wasmfaas.settings import Settings
from wasmfaas.store.attachments import PROVISIONED, Attachment, Kind
from wasmfaas.store.registry import Registry

PAGE_MAX = 50


class Provisioning(Protocol):
    """What knows how far things are."""

    def state(self, name: str, qualifier: str, requested: int) -> Provisioned: ...


class ProvisionedOperations:
    """Handlers of the operations on provisioned concurrency. Lifetime: process."""

    def __init__(
        self,
        *,
        settings: Settings,
        registry: Registry,
        places: Places,
        names: Names,
        provisioning: Provisioning,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._attachments = registry.attachments
        self._places = places
        self._names = names
        self._provisioning = provisioning
        self._turn = asyncio.Lock()

    def rows(self) -> Mapping[str, Handler]:
        return {
            "PutProvisionedConcurrencyConfig": self.put,
            "GetProvisionedConcurrencyConfig": self.get,
            "DeleteProvisionedConcurrencyConfig": self.delete,
            "ListProvisionedConcurrencyConfigs": self.list_all,
        }

    async def put(self, call: Call) -> Reply:
        if self._places.named(call.function, call.qualifier).qualifier in ("", LATEST):
            raise InvalidParameterValue(
                "Provisioned Concurrency Configs cannot be applied to unpublished function "
                "versions."
            )
        place = await self._places.find(call.function, call.qualifier)
        asked = call.parameters["ProvisionedConcurrentExecutions"]
        async with self._turn:
            await self._check(place, asked)
            written = await self._attachments.change(
                place.name, Kind.PROVISIONED_CONCURRENCY, place.qualifier,
                lambda _: {PROVISIONED: asked},
            )  # fmt: skip
        assert written is not None, "nothing is taken away here"
        return Reply(_shown(written, Provisioned(0, Status.IN_PROGRESS)))

    async def get(self, call: Call) -> Reply:
        place = await self._published(call)
        kind = Kind.PROVISIONED_CONCURRENCY
        found = await self._attachments.get(place.name, kind, place.qualifier)
        if found is None:
            raise ProvisionedConcurrencyConfigNotFound(
                "No Provisioned Concurrency Config found for this function"
            )
        return Reply(_shown(found, self._state(found)))

    async def delete(self, call: Call) -> Reply:
        place = await self._published(call)
        await self._attachments.change(
            place.name, Kind.PROVISIONED_CONCURRENCY, place.qualifier, lambda _: None
        )
        return Reply()

    async def list_all(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        await self._registry.get(name)
        found = await self._attachments.of_function(name, Kind.PROVISIONED_CONCURRENCY)
        page, marker = page_of(found, call.parameters, PAGE_MAX, lambda each: each.qualifier)
        shown = [
            {"FunctionArn": self._names.arn(name, each.qualifier)} | _shown(each, self._state(each))
            for each in page
        ]
        return Reply({"ProvisionedConcurrencyConfigs": shown, "NextMarker": marker})

    async def _published(self, call: Call) -> Place:
        if self._places.named(call.function, call.qualifier).qualifier in ("", LATEST):
            raise InvalidParameterValue(
                "The function resource provided must be an alias or a published version."
            )
        return await self._places.find(call.function, call.qualifier)

    def _state(self, held: Attachment) -> Provisioned:
        requested = int(held.value[PROVISIONED])
        return self._provisioning.state(held.function_name, held.qualifier, requested)

    async def _check(self, place: Place, asked: int) -> None:
        """Raise InvalidParameterValue where that much is not to be had, and ResourceConflict where
        a version would be provisioned by itself and by an alias."""
        held = await self._attachments.provisioned_concurrency(place.name)
        await self._check_alias(place, set(held))
        others = sum(count for qualifier, count in held.items() if qualifier != place.qualifier)
        reserved = await self._attachments.reserved_concurrency(place.name)
        if reserved is not None:
            if reserved < others + asked:
                raise InvalidParameterValue(
                    "Requested Provisioned Concurrency should not be greater than the "
                    "reservedConcurrentExecution for function"
                )
            return
        rest = self._settings.concurrency_max - await self._attachments.claimed(place.name) - others
        least = self._settings.concurrency_unreserved_min
        if asked > rest:
            raise InvalidParameterValue(
                "Specified ConcurrentExecutions for function is greater than account's unreserved "
                f"concurrency [{rest}]."
            )
        if rest - asked < least:
            raise InvalidParameterValue(
                "Specified ConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{least}]."
            )

    async def _check_alias(self, place: Place, held: set[str]) -> None:
        if place.qualifier.isdecimal():
            for each in held - {place.qualifier}:
                if not each.isdecimal() and place.qualifier in await self._versions(place, each):
                    raise ResourceConflict("Version is pointed by a Provisioned Concurrency alias")
            return
        versions = await self._versions(place, place.qualifier)
        if LATEST in versions:
            raise InvalidParameterValue(
                "Provisioned Concurrency Configs cannot be applied to unpublished function "
                "versions."
            )
        if versions & held:
            raise ResourceConflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already "
                "Provisioned version"
            )

    async def _versions(self, place: Place, alias: str) -> set[str]:
        try:
            found = await self._registry.aliases.get(place.name, alias)
        except ResourceNotFound:
            return set()
        return {found.version, *found.weights}


def _shown(held: Attachment, state: Provisioned) -> dict[str, Any]:
    modified = datetime.fromtimestamp(held.modified_at_ms // 1000, UTC)
    return {
        "RequestedProvisionedConcurrentExecutions": held.value[PROVISIONED],
        "AvailableProvisionedConcurrentExecutions": state.allocated,
        "AllocatedProvisionedConcurrentExecutions": state.allocated,
        "Status": state.status,
        "StatusReason": state.reason,
        "LastModified": f"{modified:%Y-%m-%dT%H:%M:%S}+0000",
    }
