"""Real compilers, on modules that are fine, wrong and hostile."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
import wasmtime

from tests.invoke.stubs import Interpreter
from tests.sandbox import wat
from tests.sandbox.test_binary import MODULE, number, section
from wasmfaas import wire
from wasmfaas.errors import (
    InvalidParameterValue,
    ServiceFailure,
    ServiceUnavailable,
    StorageFull,
)
from wasmfaas.invoke.compilers import Compilers
from wasmfaas.models import PackageKind
from wasmfaas.sandbox.engine import new_engine
from wasmfaas.settings import MIB, Settings
from wasmfaas.store.artefacts import Artefacts

Result = TypeVar("Result")
COMPILER = "wasmfaas.sandbox.compiler"
INSPECTED = {
    "type": "inspected",
    "kind": "reactor",
    "memory_minimum_bytes": 0,
    "has_init": False,
    "restorable": False,
}
ELSEWHERE = """
import asyncio, sys
from pathlib import Path
from wasmfaas.invoke.compilers import Compilers
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefacts

async def main():
    settings = Settings(cache_dir=Path(sys.argv[1]))
    sys.executable = sys.argv[3]
    await Compilers(settings, Artefacts(settings.cache_dir)).compile(Path(sys.argv[2]))

asyncio.run(main())
"""


class Workshop:
    """A cache directory, and modules to compile into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache_dir = folder / "cache"

    def module(self, content: str | bytes, name: str = "module.wasm") -> Path:
        path = self.folder / name
        path.write_bytes(wasmtime.wat2wasm(content) if isinstance(content, str) else content)
        return path

    def compilers(self, **settings: Any) -> Compilers:
        chosen = Settings(cache_dir=self.cache_dir, **settings)
        return Compilers(chosen, Artefacts(self.cache_dir))

    def run(
        self, work: Callable[[Compilers], Coroutine[Any, Any, Result]], **settings: Any
    ) -> Result:
        """Do *work* with compilers of its own."""

        async def main() -> Result:
            compilers = self.compilers(**settings)
            try:
                return await work(compilers)
            finally:
                await compilers.close()

        return asyncio.run(main())

    def gated(self, interpreter: Interpreter) -> Path:
        """Have compilers say what they see, then wait until somebody writes to the path returned;
        what they make is not worth much."""
        gate, first, last = (self.folder / name for name in ("gate", "first", "last"))
        os.mkfifo(gate)
        first.write_bytes(wire.encode(INSPECTED))
        last.write_bytes(wire.encode({"type": "compiled"}))
        interpreter.instead(
            f"cat > /dev/null; cat {first}; read line < {gate}; echo code > module; cat {last}"
        )
        return gate

    def leftovers(self) -> set[str]:
        """Suffixes of what is in the cache."""
        return {path.suffix for path in (self.cache_dir / "artefacts").iterdir()}


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Interpreter:
    return Interpreter(tmp_path, monkeypatch)


def functions(count: int) -> bytes:
    """A command with *count* functions that do nothing."""
    types = section(1, b"\x01\x60\x00\x00")
    exports = section(7, b"\x01\x06_start\x00\x00")
    bodies = section(10, number(count) + b"\x02\x00\x0b" * count)
    return MODULE + types + section(3, number(count) + b"\x00" * count) + exports + bodies


def loads(count: int) -> bytes:
    """A command of one function that reads memory *count* times."""
    types = section(1, b"\x01\x60\x00\x00")
    exports = section(7, b"\x01\x06_start\x00\x00")
    body = b"\x00" + b"\x41\x00\x28\x02\x00\x1a" * count + b"\x0b"
    code = section(10, b"\x01" + number(len(body)) + body)
    return MODULE + types + section(3, b"\x01\x00") + section(5, b"\x01\x00\x01") + exports + code


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (wat.ok("1"), PackageKind.REACTOR),
        (wat.prints(b"1"), PackageKind.COMMAND),
        (wat.component(0, b"1"), PackageKind.COMPONENT),
    ],
)
def test_a_module_is_compiled_for_our_engine(
    workshop: Workshop, text: str, kind: PackageKind
) -> None:
    path = workshop.module(text)
    artefact = workshop.run(lambda compilers: compilers.compile(path))
    assert artefact.kind is kind
    load = (
        wasmtime.component.Component.deserialize_file
        if kind is PackageKind.COMPONENT
        else wasmtime.Module.deserialize_file
    )
    assert load(new_engine(), str(artefact.path))
    assert workshop.leftovers() == {".cwasm", ".json", ".lock"}


def test_a_module_is_compiled_once_however_many_ask(
    workshop: Workshop, interpreter: Interpreter
) -> None:
    path, copy = workshop.module(wat.ok("1")), workshop.module(wat.ok("1"), "copy.wasm")

    async def ask(compilers: Compilers) -> set[str]:
        others = [workshop.compilers() for _ in range(3)]
        asked = [each.compile(p) for each in [compilers, *others] for p in (path, copy) * 3]
        looked = [each.inspect(path, 128 * MIB) for each in [compilers, *others]]
        artefacts, _ = await asyncio.gather(asyncio.gather(*asked), asyncio.gather(*looked))
        return {artefact.sha256 for artefact in artefacts}

    assert len(workshop.run(ask)) == 1
    assert interpreter.starts(COMPILER) == 1
    workshop.run(lambda compilers: compilers.compile(copy))
    assert interpreter.starts(COMPILER) == 1


def test_a_module_is_compiled_once_by_several_processes(
    workshop: Workshop, interpreter: Interpreter
) -> None:
    path = workshop.module(wat.ok("1"))
    arguments = [str(workshop.cache_dir), str(path), sys.executable]
    command = [interpreter.real, "-c", ELSEWHERE, *arguments]
    servers = [subprocess.Popen(command) for _ in range(3)]
    assert [server.wait(timeout=200) for server in servers] == [0, 0, 0]
    assert interpreter.starts(COMPILER) == 1


def test_a_killed_process_leaves_the_module_to_the_next(
    workshop: Workshop, interpreter: Interpreter, tmp_path: Path
) -> None:
    path = workshop.module(wat.ok("1"))
    # The first compiler never ends; it tells its process id and that it has been started.
    fifo = tmp_path / "started"
    os.mkfifo(fifo)
    interpreter.instead(f"echo $$ > {fifo}; exec sleep 600")
    server = subprocess.Popen(
        [interpreter.real, "-c", ELSEWHERE, str(workshop.cache_dir), str(path), sys.executable]
    )
    stuck = int(fifo.read_text())
    try:
        server.kill()
        server.wait()
        interpreter.before("")
        artefact = workshop.run(lambda compilers: compilers.compile(path))
        assert artefact.path.is_file()
    finally:
        os.kill(stuck, signal.SIGKILL)
    assert workshop.leftovers() == {".cwasm", ".json", ".lock"}


def test_a_look_is_had_before_the_compilation_and_the_file_is_not_needed_after(
    workshop: Workshop, interpreter: Interpreter
) -> None:
    path, copy = workshop.module(wat.ok("1")), workshop.module(wat.ok("1"), "copy.wasm")
    gate = workshop.gated(interpreter)

    async def look_then_compile(compilers: Compilers) -> None:
        inspection = await compilers.inspect(path, 128 * MIB)
        assert workshop.leftovers() == {".building", ".lock"}
        path.unlink()
        compiling = asyncio.create_task(compilers.compile(copy))
        await asyncio.to_thread(gate.write_text, "open")
        assert (await compiling).inspection == inspection

    workshop.run(look_then_compile)
    assert interpreter.starts(COMPILER) == 1


def test_a_refused_module_leaves_nothing(workshop: Workshop) -> None:
    path = workshop.module('(module (import "env" "now" (func)) (func (export "_start")))')
    with pytest.raises(InvalidParameterValue, match=r"imports what is not offered: env\.now"):
        workshop.run(lambda compilers: compilers.inspect(path, 128 * MIB))
    with pytest.raises(InvalidParameterValue, match=r"imports what is not offered: env\.now"):
        workshop.run(lambda compilers: compilers.compile(path))
    assert workshop.leftovers() == {".lock"}


def test_a_module_that_needs_more_memory_than_configured(workshop: Workshop) -> None:
    path = workshop.module('(module (memory 2100) (func (export "_start")))')

    async def inspect(compilers: Compilers) -> None:
        for _ in ("while it is compiled", "from the cache"):
            with pytest.raises(InvalidParameterValue) as refused:
                await compilers.inspect(path, 128 * MIB)
            assert refused.value.message == (
                "The module needs 132 MB of memory from the start, but MemorySize is 128 MB. Set "
                "MemorySize to 132 or more."
            )
            await compilers.compile(path)
        assert (await compilers.inspect(path, 132 * MIB)).memory_minimum_bytes == 2100 * 65536

    workshop.run(inspect)


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        (
            functions(200_000),
            {"compile_cpu_s_max": 1},
            "Compiling the module takes more than 1 s of CPU time, the limit. Deploy a smaller or "
            "simpler module, or start the server with a higher WASMFAAS_COMPILE_CPU_S_MAX.",
        ),
        (
            functions(200_000),
            {"compile_wall_s_max": 1},
            "Compiling the module takes longer than 1 s, the limit. Deploy a smaller or simpler "
            "module, or start the server with a higher WASMFAAS_COMPILE_WALL_S_MAX.",
        ),
        (
            loads(1_000_000),
            {"compile_memory_bytes_max": 400 * MIB},
            "Compiling the module needs more than 400 MB of memory, the limit. Deploy a smaller or "
            "simpler module, or start the server with a higher WASMFAAS_COMPILE_MEMORY_BYTES_MAX.",
        ),
        (
            functions(250_001),
            {},
            "The module cannot be used: it has more than 250000 functions.",
        ),
    ],
    ids=["cpu", "wall", "memory", "functions"],
)
def test_a_bomb_meets_a_limit_that_is_named(
    workshop: Workshop, content: bytes, settings: dict[str, Any], message: str
) -> None:
    path = workshop.module(content)
    with pytest.raises(InvalidParameterValue) as refused:
        workshop.run(lambda compilers: compilers.compile(path), **settings)
    assert refused.value.message == message
    assert workshop.leftovers() == {".lock"}


def test_our_own_modules_have_no_limits(workshop: Workshop) -> None:
    path = workshop.module(loads(800_000))
    artefact = workshop.run(
        lambda compilers: compilers.compile(path, ours=True), compile_memory_bytes_max=256 * MIB
    )
    assert artefact.kind is PackageKind.COMMAND


def test_deep_nesting_upsets_nobody(workshop: Workshop) -> None:
    nested = "(block " * 300 + ")" * 300
    deep = b"\x02\x40" * 300_000 + b"\x0b" * 300_000
    body = b"\x00" + deep + b"\x0b"
    types = section(1, b"\x01\x60\x00\x00") + section(3, b"\x01\x00")
    exports = section(7, b"\x01\x06_start\x00\x00")
    code = section(10, b"\x01" + number(len(body)) + body)
    for content in (f'(module (func (export "_start") {nested}))', MODULE + types + exports + code):
        path = workshop.module(content)
        assert workshop.run(lambda compilers, path=path: compilers.compile(path))


def test_who_waits_is_told_when_the_server_stops(
    workshop: Workshop, interpreter: Interpreter
) -> None:
    path = workshop.module(wat.ok("1"))
    workshop.gated(interpreter)

    async def stop(compilers: Compilers) -> None:
        await compilers.inspect(path, 128 * MIB)
        waiting = asyncio.create_task(compilers.compile(path))
        await asyncio.sleep(0)
        await compilers.close()
        for task in (waiting, asyncio.create_task(compilers.compile(path))):
            with pytest.raises(ServiceUnavailable):
                await task

    workshop.run(stop)
    assert workshop.leftovers() == {".lock"}


def test_a_caller_that_goes_away_takes_nothing_from_others(
    workshop: Workshop, interpreter: Interpreter
) -> None:
    path = workshop.module(wat.ok("1"))
    gate = workshop.gated(interpreter)

    async def leave(compilers: Compilers) -> None:
        await compilers.inspect(path, 128 * MIB)
        leaving = asyncio.create_task(compilers.compile(path))
        staying = asyncio.create_task(compilers.compile(path))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await asyncio.to_thread(gate.write_text, "open")
        assert await staying

    workshop.run(leave)
    assert interpreter.starts(COMPILER) == 1


def test_what_the_cache_lost_is_made_again(workshop: Workshop, interpreter: Interpreter) -> None:
    path = workshop.module(wat.ok("1"))

    async def lose(compilers: Compilers) -> None:
        artefact = await compilers.compile(path)
        artefact.path.unlink()
        assert (await compilers.compile(path)).path.is_file()
        artefact.path.write_bytes(b"not what was compiled")
        again = await compilers.compile(path)
        assert again.path.read_bytes() != b"not what was compiled"

    workshop.run(lose)
    assert interpreter.starts(COMPILER) == 3


def test_a_module_that_cannot_be_read(workshop: Workshop) -> None:
    with pytest.raises(ServiceFailure, match="cannot be read"):
        workshop.run(lambda compilers: compilers.compile(workshop.folder / "absent.wasm"))


def test_a_full_disk_is_named(workshop: Workshop, interpreter: Interpreter) -> None:
    interpreter.before("ulimit -f 8")
    path = workshop.module(wat.ok("1"))
    with pytest.raises(StorageFull, match="cache directory is full"):
        workshop.run(lambda compilers: compilers.compile(path))
    assert workshop.leftovers() == {".lock"}


def frames(*messages: dict[str, Any]) -> bytes:
    return b"".join(wire.encode(message) for message in messages)


@pytest.mark.parametrize(
    ("output", "then", "error", "message"),
    [
        (b"", "exit 0", ServiceFailure, "The compiler failed"),
        (b"", "exit 1", ServiceFailure, "The compiler failed"),
        (b"\xff" * 100, "exit 0", ServiceFailure, "no proper answer"),
        (b"\x01\0\0\0\x90", "exit 0", ServiceFailure, "no proper answer"),
        (frames({"type": "other"}), "exit 0", ServiceFailure, "no proper answer"),
        (frames({"type": "refused"}), "exit 0", ServiceFailure, "no proper answer"),
        (frames({"type": "refused", "reason": 7}), "exit 0", ServiceFailure, "no proper answer"),
        (frames({"type": "jail", "missing": []}), "exit 0", ServiceFailure, "no proper answer"),
        (frames(INSPECTED | {"kind": "root"}), "exit 0", ServiceFailure, "no proper answer"),
        (frames(INSPECTED | {"memory_minimum_bytes": -1}), "", ServiceFailure, "no proper answer"),
        (frames(INSPECTED | {"memory_minimum_bytes": True}), "", ServiceFailure, "no proper"),
        (frames(INSPECTED | {"has_init": "yes"}), "exit 0", ServiceFailure, "no proper answer"),
        (frames(*[INSPECTED] * 10_000), "exit 0", ServiceFailure, "no proper answer"),
        (frames({"type": "compiled"}), "exit 0", ServiceFailure, "The compiler failed"),
        (frames(INSPECTED, {"type": "compiled"}), "", ServiceFailure, "left no result"),
        (
            frames(INSPECTED, {"type": "compiled"}),
            "ln -s /etc/passwd module",
            ServiceFailure,
            "left no result",
        ),
        (frames(INSPECTED, {"type": "compiled"}), "exit 3", ServiceFailure, "compiler failed"),
        (
            frames(INSPECTED),
            "kill -SEGV $$",
            InvalidParameterValue,
            r"crashed on the module \(SIGSEGV\)",
        ),
        (frames(INSPECTED), "kill -KILL $$", InvalidParameterValue, "ran out of memory"),
        (frames(INSPECTED), "kill -XCPU $$", InvalidParameterValue, "120 s of CPU time"),
        (
            frames({"type": "refused", "reason": "\x1b[31mred" + "x" * 100_000}),
            "exit 0",
            InvalidParameterValue,
            r"^\?\[31mredx{4088}$",
        ),
    ],
)
def test_a_subverted_compiler_gets_nowhere(
    workshop: Workshop,
    interpreter: Interpreter,
    output: bytes,
    then: str,
    error: type[Exception],
    message: str,
) -> None:
    said = workshop.folder / "said"
    said.write_bytes(output)
    interpreter.instead(f"cat > /dev/null; cat {said}; {then}")
    path = workshop.module(wat.ok("1"))
    with pytest.raises(error, match=message):
        workshop.run(lambda compilers: compilers.compile(path))
    assert workshop.leftovers() == {".lock"}
