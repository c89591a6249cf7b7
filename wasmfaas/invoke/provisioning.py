"""Provisioned concurrency: sandboxes of versions and aliases, ready before anybody calls."""

import asyncio
import enum
import json
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.routes import Split
from wasmfaas.invoke.target import Target
from wasmfaas.invoke.workers import Workers

_logger = logging.getLogger(__name__)

#: Of the error that a worker tells where memory is spent.
_NO_ROOM = "Sandbox.OutOfMemory"
#: Lambda's word for a function that does not start.
_INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"


class Status(enum.StrEnum):
    """Lambda's status of provisioned concurrency."""

    IN_PROGRESS = "IN_PROGRESS"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Provisioned:
    """How far the provisioned concurrency of one version or alias is."""

    #: Sandboxes that are ready or run, at most as many as are wanted.
    allocated: int
    status: Status
    reason: str | None = None


class Wanted(Protocol):
    """Where provisioned concurrency is looked up: by qualifier, and the functions with any."""

    async def provisioned_concurrency(self, name: str) -> Mapping[str, int]: ...

    async def provisioned_functions(self) -> Iterable[str]: ...


class Targets(Protocol):
    """Where it is looked up what runs a version or an alias."""

    async def split(self, name: str, qualifier: str) -> Split: ...


class Provisioning:
    """Has the workers keep ready what is provisioned. Lives as long as the server.

    A worker runs one invocation at a time, so that there is one sandbox of a version in each of as
    many workers as are provisioned, at most *workers_max*.
    """

    def __init__(
        self, wanted: Wanted, targets: Targets, workers: Workers, workers_max: int
    ) -> None:
        self._wanted = wanted
        self._targets = targets
        self._workers = workers
        self._workers_max = workers_max
        #: Deployments and their floors, by function and qualifier.
        self._floors: dict[str, dict[str, list[tuple[str, int]]]] = {}
        self._turn = asyncio.Lock()

    async def resume(self) -> None:
        """Provision what is wanted from before the server started."""
        try:
            names = await self._wanted.provisioned_functions()
        except WasmfaasError as error:
            _logger.warning("nothing is provisioned: %s", error.message)
            return
        for name in names:
            await self.refresh(name)

    async def refresh(self, name: str) -> None:
        """Have ready what is provisioned of *name* now; called for every change of a function."""
        async with self._turn:
            try:
                wanted = await self._wanted.provisioned_concurrency(name)
            except WasmfaasError as error:
                _logger.debug("%s is provisioned as before: %s", name, error)
                return
            if not wanted and name not in self._floors:
                return
            targets: list[tuple[Target, int]] = []
            floors: dict[str, list[tuple[str, int]]] = {}
            for qualifier, count in wanted.items():
                shares = await self._shares(name, qualifier, min(count, self._workers_max))
                targets += shares
                floors[qualifier] = [(target.spec.key, share) for target, share in shares]
            self._floors[name] = floors
            if not floors:
                del self._floors[name]
            self._workers.provision(name, targets)

    async def _shares(self, name: str, qualifier: str, count: int) -> list[tuple[Target, int]]:
        try:
            split = await self._targets.split(name, qualifier)
        except WasmfaasError as error:
            # Not served yet, or not any more: a change will tell.
            _logger.debug("%s:%s is not provisioned: %s", name, qualifier, error)
            return []
        if split.additional is None:
            return [(split.target, count)]
        additional = math.ceil(count * split.weight)
        shares = [(split.target, count - additional), (split.additional, additional)]
        return [(target, share) for target, share in shares if share]

    def state(self, name: str, qualifier: str, requested: int) -> Provisioned:
        """How far *requested* sandboxes of *qualifier* are."""
        if requested > self._workers_max:
            return Provisioned(
                0,
                Status.FAILED,
                f"{requested} are requested, but this server runs at most {self._workers_max} "
                "invocations at once (its setting workers_max).",
            )
        floors = self._floors.get(name, {}).get(qualifier, [])
        allocated, failures = 0, []
        for key, floor in floors:
            held, failure = self._workers.provisioned(key)
            allocated += min(held, floor)
            if failure is not None and held < floor:
                failures.append(failure)
        if floors and allocated >= requested:
            return Provisioned(requested, Status.READY)
        if failures:
            return Provisioned(allocated, Status.FAILED, _reason(failures[0]))
        return Provisioned(allocated, Status.IN_PROGRESS)


def _reason(failure: bytes) -> str:
    """Why a sandbox can't be ready; the worker, and in it the guest, may say anything."""
    try:
        members = json.loads(failure)
    except (ValueError, RecursionError):
        members = None
    if isinstance(members, dict) and members.get("errorType") == _NO_ROOM:
        return (
            "The memory for ready sandboxes is spent: see the settings sandboxes_memory_bytes_max, "
            "worker_memory_bytes_max and sandboxes_per_worker_max."
        )
    return _INIT_FAILURE
