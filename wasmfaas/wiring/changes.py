"""Who is told that a function has changed."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from wasmfaas.errors import ResourceNotFound, WasmfaasError
from wasmfaas.invoke.invoker import Invoker
from wasmfaas.invoke.logs import LogStore
from wasmfaas.invoke.provisioning import Provisioning
from wasmfaas.models import State
from wasmfaas.store.registry import Registry

_logger = logging.getLogger(__name__)


class Changes:
    """Passes the change of a function on to whoever remembers functions."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], None]] = []

    def tell(self, *listeners: Callable[[str], None]) -> None:
        self._listeners += listeners

    def __call__(self, name: str) -> None:
        for listener in self._listeners:
            listener(name)


def follow(
    registry: Registry, invoker: Invoker, logs: LogStore, provisioning: Provisioning
) -> Callable[[str], Coroutine[Any, Any, None]]:
    """What follows a change: a new deployment or version has a sandbox ready at its first call, and
    the log of a deleted function goes."""

    async def follow_change(name: str) -> None:
        try:
            function = await registry.get(name)
            if function.state is State.ACTIVE and function.pending is None:
                await invoker.load(name)
            newest = await registry.versions.newest(name)
            if newest is not None and newest.served is not None:
                await invoker.load(name, newest.number, once=True)
        except ResourceNotFound:
            invoker.gone(name)
            logs.delete(name)
        except WasmfaasError as error:
            _logger.debug("%s was not loaded ahead: %s", name, error)
        await provisioning.refresh(name)

    return follow_change
