"""Answers of the operations that this server does not have: lists are empty, things to get are
not there, and everything else is refused with the reason."""

from typing import Any

from wasmfaas.api.calls import Call, Reply
from wasmfaas.api.names import Names
from wasmfaas.errors import InvalidParameterValue, ResourceNotFound
from wasmfaas.store.registry import Registry


class UnsupportedOperation:
    """Handler of every operation without one of its own. Lifetime: process."""

    def __init__(self, *, registry: Registry, names: Names) -> None:
        self._registry = registry
        self._names = names

    async def __call__(self, call: Call) -> Reply:
        name = call.operation.name
        if "CapacityProviderName" in call.parameters and name != "CreateCapacityProvider":
            raise self._no_capacity_provider(call.parameters["CapacityProviderName"])
        reads = name.startswith(("List", "Get"))
        if not reads:
            raise InvalidParameterValue(f"{name} is not supported by this server yet.")
        if "FunctionName" in call.parameters:
            reference = self._names.parse(call.function, call.qualifier)
            await self._registry.require(reference.name, reference.qualifier)
        output = call.operation.output
        if name.startswith("List") and output is not None:
            empty: dict[str, list[Any]] = {
                m.name: [] for m in output.members.values() if m.shape.type == "list"
            }
            # Where a list has to say more, it is about something, and that does not exist.
            if empty.keys() >= set(output.required):
                return Reply(empty)
        raise ResourceNotFound(
            f"The resource you requested does not exist. ({name} is not supported by this server "
            "yet.)"
        )

    def _no_capacity_provider(self, name: str) -> ResourceNotFound:
        prefix = f"arn:aws:lambda:{self._names.region}:{self._names.account_id}"
        arn = name if name.startswith("arn:") else f"{prefix}:capacity-provider:{name}"
        return ResourceNotFound(f"Capacity provider not found: {arn}")
