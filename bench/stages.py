"""`stages`: what each stage of a warm call takes of the server's thread, alone and in a loop.

The real parts on the real request, one after the other instead of one within the other, so that
what each costs can be told. In a server other work comes in between, and caches are cold: there
the same stages take two to three times as long, as `profile` shows.
"""

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from bench import hello
from bench.machine import this_machine
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from wasmfaas import wire
from wasmfaas.edge import connection
from wasmfaas.edge.bodies import HeldBodies
from wasmfaas.invoke import metering
from wasmfaas.invoke.logs import LogStore
from wasmfaas.invoke.reply import reply_of
from wasmfaas.models import Outcome, Usage
from wasmfaas.settings import Settings
from wasmfaas.store.database import Database
from wasmfaas.store.ledger import Ledger
from wasmfaas.triggers import http_response

NAME = "stages"
_BATCH = 50
_REQUEST = f"GET /?{hello.QUERY} HTTP/1.1\r\nHost: 127.0.0.1:3001\r\n\r\n".encode()
_ID = "00000000-0000-4000-8000-000000000000"
_PAYLOAD = b'{"greeting": "Hello, Ada!"}'
_LOG = b"greeting Ada\n"
_LOG_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, and the function that goes through it once."""

    key: str
    title: str
    run: Callable[[], object]


class _Nowhere:
    """A transport whose writes go nowhere."""

    def write(self, data: bytes) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> Any:
        addresses = {"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 3001)}
        return addresses.get(name)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def run(options: Options, steps: Steps) -> Report:
    machine, rounds = this_machine(), 20 if options.quick else 200
    figures: dict[str, float] = {}
    rows: list[tuple[str, list[float | None]]] = []
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stages = stack.enter_context(_stages(folder, runner))
        for stage in stages:
            steps.note(stage.title)
            figures[f"{stage.key}_us"] = taken = runner.run(_measured(stage, rounds))
            rows.append((stage.title, [taken]))
    figures["server_us"] = sum(figures.values())
    rows.append(("all of them", [figures["server_us"]]))
    return Report(
        benchmark=NAME,
        machine=machine,
        method=[
            f"Each stage by itself, {_BATCH} times in a row, {rounds} times; the median.",
            "The request is the one that `http` measures; answers are those of the hello.",
            "Beside these there are the event loop, and the system calls on sockets.",
        ],
        sheets=[Sheet("µs of the server's thread, in a loop", ("µs",), rows)],
        figures=figures,
        why={},
    )


async def _measured(stage: Stage, rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began_ns = time.perf_counter_ns()
        for _ in range(_BATCH):
            stage.run()
        taken.append((time.perf_counter_ns() - began_ns) / _BATCH / 1000)
        await asyncio.sleep(0)
    return statistics.median(taken)


@contextmanager
def _stages(folder: Path, runner: asyncio.Runner) -> Iterator[list[Stage]]:
    database = Database.open(folder / "bench.db")
    journal, logs = folder / "journal", LogStore(folder / "logs", _LOG_BYTES_MAX)
    journal.mkdir()
    ledger = Ledger(database, journal)
    numbers = itertools.count()
    reply, decoder = _reply_frame(), wire.Decoder()
    event, context = hello.event().encode(), hello.context().encode()
    message = {"op": "invoke", "request_id": _ID, "event": event, "context": context}
    usage = _usage(str(next(numbers)))
    line = metering.start_line(_ID, "$LATEST") + _LOG + metering.report_line(usage, 128)
    try:
        yield [
            Stage("parse", "parse the request, write the answer", runner.run(_parsing())),
            Stage("event", "make the event", hello.event),
            Stage("send", "make the worker's message", lambda: wire.encode(message)),
            Stage(
                "receive",
                "read and check the worker's reply",
                lambda: [reply_of(read) for read in decoder.feed(reply)],
            ),
            Stage(
                "record",
                "record the usage (one write)",
                lambda: ledger.record(_usage(str(next(numbers)))),
            ),
            Stage("answer", "make the response", lambda: _answered(usage)),
            Stage("log", "append to the log (one write)", lambda: logs.append("f", _ID, line)),
        ]
    finally:
        logs.close()
        ledger.close()
        database.close()


async def _parsing() -> Callable[[], object]:
    """A connection on which a request is answered as soon as it is there."""

    def shortcut(scope: object, body: bytes, respond: connection.Respond) -> bool:
        respond(200, [(b"content-length", b"%d" % len(_PAYLOAD))], _PAYLOAD)
        return True

    async def application(scope: object, receive: object, send: object) -> None:
        raise AssertionError("the shortcut takes everything")

    settings = Settings()
    kind = connection.bounded(settings, 2, HeldBodies(application, 1), shortcut)
    config = uvicorn.Config(application, http=kind, lifespan="off", access_log=False)
    config.load()
    made = kind(config=config, server_state=ServerState(), app_state={})
    made.connection_made(_Nowhere())  # type: ignore[arg-type]
    return lambda: made.data_received(_REQUEST)


def _reply_frame() -> bytes:
    return wire.encode(
        {
            "op": "reply",
            "payload": _PAYLOAD,
            "error_type": None,
            "trapped": False,
            "fuel": 100_000,
            "cpu_us": 100,
            "duration_us": 120,
            "memory_bytes": 1 << 20,
            "init_us": None,
            "init_log": b"",
            "ready": True,
            "cpu_us_process": 1_000_000,
            "log": _LOG,
            "streamed_log": b"",
            "log_dropped": 0,
        }
    )


def _usage(request_id: str) -> Usage:
    return Usage(
        request_id=request_id,
        attempt=1,
        function_name="f",
        function_version="$LATEST",
        started_at_ms=1_700_000_000_000,
        fuel_counted=100_000,
        fuel=100_000,
        duration_us=120,
        billed_duration_ms=1,
        cpu_us=100,
        memory_bytes_peak=1 << 20,
        init_us=None,
        request_bytes=700,
        response_bytes=len(_PAYLOAD),
        error_type=None,
    )


def _answered(usage: Usage) -> object:
    outcome = Outcome(
        request_id=_ID,
        executed_version="$LATEST",
        payload=_PAYLOAD,
        error_type=None,
        usage=usage,
        log=b"",
    )
    return http_response.answer(outcome).framed("GET")
