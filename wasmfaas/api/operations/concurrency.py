"""Reserved concurrency: what a function may use, and others may not."""

import asyncio
from collections.abc import Mapping

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.errors import InvalidParameterValue
from wasmfaas.settings import Settings
from wasmfaas.store.attachments import RESERVED, Kind
from wasmfaas.store.registry import Registry


class ConcurrencyOperations:
    """Handlers of the operations on reserved concurrency. Lifetime: process."""

    def __init__(self, *, settings: Settings, registry: Registry, names: Names) -> None:
        self._settings = settings
        self._registry = registry
        self._attachments = registry.attachments
        self._names = names
        #: So that no two reservations are checked against the same sum.
        self._turn = asyncio.Lock()

    def rows(self) -> Mapping[str, Handler]:
        return {
            "PutFunctionConcurrency": self.put,
            "GetFunctionConcurrency": self.get,
            "DeleteFunctionConcurrency": self.delete,
        }

    async def put(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        asked = call.parameters[RESERVED]
        async with self._turn:
            await self._registry.get(name)
            await self._check(name, asked)
            value = {RESERVED: asked}
            await self._attachments.change(name, Kind.RESERVED_CONCURRENCY, "", lambda _: value)
        return Reply(value)

    async def get(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        await self._registry.get(name)
        return Reply({RESERVED: await self._attachments.reserved_concurrency(name)})

    async def delete(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        await self._attachments.change(name, Kind.RESERVED_CONCURRENCY, "", lambda _: None)
        return Reply()

    async def _check(self, name: str, asked: int) -> None:
        provisioned = sum((await self._attachments.provisioned_concurrency(name)).values())
        if asked < provisioned:
            raise InvalidParameterValue(
                f" ReservedConcurrentExecutions  {asked} should not be lower than function's total "
                f"provisioned concurrency [{provisioned}]."
            )
        others = await self._attachments.claimed(name)
        least = self._settings.concurrency_unreserved_min
        if self._settings.concurrency_max - others - asked < least:
            raise InvalidParameterValue(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{least}]."
            )
