"""Many callers at once, in a process of their own so that what they cost does not slow those who
measure: `python -m tests.integration.callers URL FUNCTION COUNT` prints what they got, as JSON. The
access key is in the environment."""

import asyncio
import collections
import json
import os
import sys
import time
from typing import Any

from wasmfaas.auth.signer import Credentials, Signer

_SIGNER = Signer(
    Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]),
    os.environ["AWS_REGION"],
)
#: Connections that are being opened at once.
_OPENING_MAX = 100


async def _call(port: int, function: str, number: int, opening: asyncio.Semaphore) -> str:
    """What the call number *number* came to: `right`, or what was wrong."""
    event = json.dumps({"number": number}).encode()
    async with opening:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        target = f"/2015-03-31/functions/{function}/invocations"
        headers = {"Host": "localhost", "Content-Length": str(len(event))}
        headers |= _SIGNER.headers("POST", target.encode(), headers, event)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode() + event)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        body = await reader.readexactly(length)
    except (OSError, EOFError) as error:
        return repr(error)
    finally:
        writer.close()
    status = head.split()[1]
    return "right" if (status, json.loads(body)) == ("200", number) else f"{status} {body[:200]!r}"


async def _call_all(url: str, function: str, count: int) -> dict[str, Any]:
    port, opening = int(url.rpartition(":")[2]), asyncio.Semaphore(_OPENING_MAX)
    start = time.monotonic()
    outcomes = await asyncio.gather(
        *(_call(port, function, number, opening) for number in range(count))
    )
    return {"outcomes": collections.Counter(outcomes), "seconds": time.monotonic() - start}


if __name__ == "__main__":
    url, function, count = sys.argv[1:]
    print(json.dumps(asyncio.run(_call_all(url, function, int(count)))))
