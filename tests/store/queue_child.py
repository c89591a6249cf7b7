"""A server on a database, in a process of its own, that does what its standard input says, line by
line, and tells how it went: `enqueue N` (N at once), `claim`, `settle`, `renew`."""

import asyncio
import os
import sys
import uuid

from tests.store.test_queue import DONE, attempt, new
from wasmfaas.store.database import Database
from wasmfaas.store.events import Claimed
from wasmfaas.store.queue import EventQueue


def tell(text: str) -> None:
    """One line in one system call, so that a trace shows when."""
    os.write(1, f"{text}\n".encode())


async def main() -> None:
    url, owner, lease_ms = sys.argv[1:]
    database = Database.open(url)
    queue = EventQueue(database, owner, 100_000, lease_ms=int(lease_ms))
    held: list[Claimed] = []
    tell("ready")
    for line in sys.stdin:
        word, _, count = line.strip().partition(" ")
        if word == "enqueue":
            ids = [uuid.uuid4().hex for _ in range(int(count))]
            await asyncio.gather(*(queue.enqueue(new(event_id)) for event_id in ids))
        elif word == "claim":
            held = await queue.claim(1)
            tell(f"claimed {len(held)}")
            continue
        elif word == "settle":
            done = await queue.settle(held[0], attempt(held[0]), lambda now: DONE)
            tell(f"settled {done is not None}")
            continue
        else:
            await queue.renew()
        tell(word)
    database.close()


if __name__ == "__main__":
    asyncio.run(main())
