"""The X-Amzn-Trace-Id header."""

import re
import secrets
import time

_USABLE = re.compile(r"[\x20-\x7e]{1,512}")


def trace_header(given: str | None) -> str:
    """The client's header if it names a root, else a new, unsampled trace."""
    if given is not None and "Root=" in given and _USABLE.fullmatch(given):
        return given
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"
