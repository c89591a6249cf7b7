"""The compiled modules and the ready sandboxes of a worker."""

import contextlib
import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

import wasmtime
from wasmtime import component

from wasmfaas.models import Isolation, PackageKind, SandboxSpec
from wasmfaas.sandbox.guests import Linkers
from wasmfaas.sandbox.instance import SNAPSHOT_UNUSABLE, Compiled, Host, Result, Sandbox

_MODULES_MAX = 64
#: The error type of what is to be kept ready and has no room.
NO_ROOM = "Sandbox.OutOfMemory"
_NO_ROOM = json.dumps(
    {"errorType": NO_ROOM, "errorMessage": "the memory of ready sandboxes is spent"}
).encode()


class Ready:
    """A sandbox that has started and serves its next invocation. Lives until discarded."""

    def __init__(self, sandbox: Sandbox, started: Result) -> None:
        self.sandbox = sandbox
        self.started = started
        self.start_log = sandbox.host.output.take()

        #: What its memories hold of the machine's, estimated when it was last made ready.
        self.bytes = 0

    def weigh(self) -> int:
        """Estimate `bytes` anew: exact to the page where there is an image to compare with, else
        all that the memories may have touched."""
        sandbox = self.sandbox
        image, reused = sandbox.image, sandbox.spec.isolation is Isolation.REUSE
        known = image is not None and not reused
        self.bytes = image.private_bytes if image and known else sandbox.account.bytes_used
        return self.bytes

    def close(self) -> None:
        self.sandbox.close()


class Sandboxes:
    """The compiled modules and the ready sandboxes of a worker, least recently used first.

    Ready sandboxes are bounded by count and by the bytes of their memories; the one that was used
    last stays, whatever it weighs, and those to keep stay while they fit by themselves.
    """

    def __init__(self, host: Host, *, ready_max: int, bytes_max: int, calls_max: int) -> None:
        self._host = host
        self._can_restore = host.page_map.is_supported()
        self._ready_max = ready_max
        self._bytes_max = bytes_max
        self._calls_max = calls_max
        self._bytes = 0
        self._linkers = Linkers(host.engine, host.stream, host.calls)
        self._modules: OrderedDict[str, Compiled] = OrderedDict()
        self._ready: OrderedDict[str, Ready] = OrderedDict()
        self._kept: frozenset[str] = frozenset()

    def keys(self) -> list[str]:
        """Deployments that have a sandbox ready."""
        return list(self._ready)

    def prewarm(self, artefact_sha256: str, artefact_path: str) -> None:
        """Load a component ahead of demand, and what reactors need beside them; where it has gone,
        whoever needs it is told."""
        self._linkers.core.prewarm()
        with contextlib.suppress(wasmtime.WasmtimeError, OSError):
            self._modules[artefact_sha256] = component.Component.deserialize_file(
                self._host.engine, artefact_path
            )

    def has(self, key: str) -> bool:
        """Whether a sandbox of the deployment *key* is ready."""
        return key in self._ready

    def take(self, spec: SandboxSpec) -> Ready:
        """A ready sandbox, made now where there is none; then `started` may hold an error."""
        ready = self._ready.pop(spec.key, None)
        if ready is None:
            return self._make(spec)
        self._bytes -= ready.bytes
        return ready

    def keep(self, keys: Iterable[str]) -> None:
        """Of these deployments, a sandbox that is ready stays when memory is wanted for others."""
        self._kept = frozenset(keys)

    def drop(self, keys: Iterable[str]) -> None:
        """Discard the ready sandboxes of these deployments, where there are any."""
        for key in keys:
            if key in self._ready:
                self._discard(key)

    def can_keep(self, ready: Ready, result: Result) -> bool:
        """Whether the sandbox of a finished invocation can be made ready again, as far as that is
        known without trying."""
        sandbox = ready.sandbox
        spec = sandbox.spec
        if not result.usable or spec.kind is PackageKind.COMMAND:
            return False
        if sandbox.calls >= self._calls_max:
            return False
        if spec.isolation is Isolation.REUSE:
            return True
        return spec.isolation is Isolation.PRISTINE and sandbox.can_restore()

    def restore(self, ready: Ready) -> bool:
        """Make the sandbox ready again; False where that can't be done after all."""
        if ready.sandbox.spec.isolation is not Isolation.REUSE and not ready.sandbox.restore():
            return False
        self._store(ready)
        return True

    def replace(self, ready: Ready) -> None:
        """Discard the sandbox, and have another one ready."""
        ready.close()
        self.prepare(ready.sandbox.spec)

    def prepare(self, spec: SandboxSpec) -> Result | None:
        """Have a sandbox ready before it is asked for; the result says what went wrong."""
        if spec.key in self._ready:
            return None
        ready = self._make(spec)
        if ready.started.error_type is None and not self._fits(ready):
            ready.close()
            return replace(ready.started, error_type=NO_ROOM, payload=_NO_ROOM)
        if ready.started.error_type is None:
            self._store(ready)
        else:
            ready.close()
        return ready.started

    def _store(self, ready: Ready) -> None:
        self._ready[ready.sandbox.spec.key] = ready
        self._bytes += ready.weigh()
        while len(self._ready) > 1 and (
            len(self._ready) > self._ready_max or self._bytes > self._bytes_max
        ):
            key = self._least_needed()
            if key is None:
                return
            self._discard(key)

    def _least_needed(self) -> str | None:
        """What has to go first: the least recently used, but what is to be kept only where that is
        too much by itself. What was used last stays."""
        others = list(self._ready)[:-1]
        for key in others:
            if key not in self._kept:
                return key
        kept = [each.bytes for key, each in self._ready.items() if key in self._kept]
        too_many = len(kept) > self._ready_max or sum(kept) > self._bytes_max
        return others[0] if too_many else None

    def _fits(self, ready: Ready) -> bool:
        """Whether a sandbox, if it is one to keep, has room beside the others to keep."""
        if ready.sandbox.spec.key not in self._kept:
            return True
        others = [each.bytes for key, each in self._ready.items() if key in self._kept]
        fits = sum(others) + ready.weigh() <= self._bytes_max or not others
        return fits and len(others) < self._ready_max

    def _discard(self, key: str) -> None:
        ready = self._ready.pop(key)
        self._bytes -= ready.bytes
        ready.close()

    def _make(self, spec: SandboxSpec) -> Ready:
        sandbox = self._new(spec)
        started = sandbox.start()
        if started.error_type == SNAPSHOT_UNUSABLE:
            sandbox.close()
            sandbox = self._new(replace(spec, snapshot_path=None))
            started = sandbox.start()
        restorable = spec.kind is PackageKind.PYTHON or spec.restorable
        wanted = restorable and spec.isolation is Isolation.PRISTINE and self._can_restore
        if started.error_type is None and wanted:
            sandbox.capture()
        return Ready(sandbox, started)

    def _new(self, spec: SandboxSpec) -> Sandbox:
        return Sandbox(self._host, spec, self._compiled(spec), self._linkers.guest(spec.kind))

    def _compiled(self, spec: SandboxSpec) -> Compiled:
        found = self._modules.get(spec.artefact_sha256)
        if found is None:
            # Authenticated by the server, and where no worker can write.
            engine = self._host.engine
            found = (
                component.Component.deserialize_file(engine, spec.artefact_path)
                if spec.kind in (PackageKind.PYTHON, PackageKind.COMPONENT)
                else wasmtime.Module.deserialize_file(engine, spec.artefact_path)
            )
            self._modules[spec.artefact_sha256] = found
            if len(self._modules) > _MODULES_MAX:
                self._modules.popitem(last=False)
        self._modules.move_to_end(spec.artefact_sha256)
        return found
