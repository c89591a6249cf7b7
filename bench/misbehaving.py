"""A function that behaves badly in many ways, how each of them must end, and callers of it."""

import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import hello
from bench.connection import Answer, Connection
from bench.hello import Package
from bench.server import Server


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that an invocation does, and how it ends: the error types, None for an answer."""

    act: str
    ends: tuple[str | None, ...] = (None,)
    function: str = "bad"


DEEDS = (
    Deed("grow"),
    Deed("grow_too_far", ("Runtime.OutOfMemory",)),
    Deed("trap", ("Runtime.ExitError",)),
    Deed("leave", ("Runtime.ExitError",)),
    Deed("fail", ("ValueError",)),
    Deed("spin", ("Sandbox.Timedout",), "late"),
    Deed("sleep", ("Sandbox.Timedout",), "late"),
    Deed("spin", ("Runtime.OutOfFuel",), "poor"),
    Deed("leak"),
    Deed("flood"),
    Deed("fill"),
    Deed("fill_too_far", ("Runtime.StorageFull", "OSError")),
    Deed("answer_too_much", ("Function.ResponseSizeTooLarge",)),
)
_HONEST = Deed("compute")
#: Of `poor`: a fraction of a second.
_FUEL_MAX = 20_000_000
_CALL_S_MAX = 60.0
_SOURCE = Path(__file__).with_name("neighbours_guest") / "app.py"


def package() -> Package:
    return hello.python_files({"app.py": _SOURCE.read_bytes()})


def deploy(server: Server) -> None:
    """The function `bad`; the same as `late`, with little time, and as `poor`, with little fuel."""
    server.deploy("bad", package(), Timeout=30)
    server.deploy("late", package(), Timeout=1)
    variables = {"WASMFAAS_FUEL_MAX": str(_FUEL_MAX)}
    server.deploy("poor", package(), Timeout=30, Environment={"Variables": variables})


class Caller:
    """Has its deeds done for as long as it is told to, on a thread of its own."""

    def __init__(self, server: Server, deeds: Iterator[Deed]) -> None:
        self._server = server
        self._deeds = deeds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        #: Calls that ended as they must, by what they did.
        self.ended: Counter[Deed] = Counter()
        #: What others came to.
        self.wrong: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with Connection("127.0.0.1", self._server.port, _CALL_S_MAX) as connection:
                while not self._stop.is_set():
                    deed = next(self._deeds)
                    event = json.dumps({"act": deed.act}).encode()
                    request = self._server.invocation(deed.function, event)
                    self._note(deed, connection.exchange(request))
        except Exception as error:
            self.wrong.append(f"{type(error).__name__}: {error}")

    def _note(self, deed: Deed, answer: Answer) -> None:
        if answer.status == 200 and error_type(answer) in deed.ends:
            self.ended[deed] += 1
        else:
            self.wrong.append(f"{deed}: {answer.status} {answer.body[:300]!r}")


@contextmanager
def calling(server: Server, deeds: list[Iterator[Deed]]) -> Iterator[list[Caller]]:
    """A caller for each of *deeds*, until the block ends and their last call has."""
    callers = [Caller(server, each) for each in deeds]
    for caller in callers:
        caller.start()
    try:
        yield callers
    finally:
        for caller in callers:
            caller.stop()


def honest() -> Iterator[Deed]:
    """Computing, without end."""
    return itertools.repeat(_HONEST)


def bad(seed: int) -> Iterator[Deed]:
    """Bad deeds without end, each as often as any other, in an order that *seed* decides."""
    order, deeds = random.Random(seed), list(DEEDS)
    while True:
        order.shuffle(deeds)
        yield from deeds


def error_type(answer: Answer) -> str | None:
    """What kind of function error the answer to an invocation is."""
    if not answer.has_header(b"x-amz-function-error"):
        return None
    return str(json.loads(answer.body)["errorType"])
