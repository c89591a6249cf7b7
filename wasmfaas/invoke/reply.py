"""What a worker answers to an invocation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wasmfaas import wire


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker says of one invocation; the figures are checked, the payload is not."""

    payload: bytes
    error_type: str | None
    trapped: bool
    fuel: int
    cpu_us: int
    duration_us: int
    memory_bytes: int
    init_us: int | None
    init_log: bytes
    log: bytes
    log_dropped: int


def reply_of(message: Mapping[str, Any]) -> Reply:
    """*message* as a Reply. A subverted worker can lie, but only in the right types.

    Raises BrokenFrame or KeyError for what is no reply.
    """
    error_type, init_us = message["error_type"], message["init_us"]
    return Reply(
        payload=_data(message["payload"]),
        error_type=None if error_type is None else str(error_type)[:256],
        trapped=bool(message["trapped"]),
        fuel=_figure(message["fuel"]),
        cpu_us=_figure(message["cpu_us"]),
        duration_us=_figure(message["duration_us"]),
        memory_bytes=_figure(message["memory_bytes"]),
        init_us=None if init_us is None else _figure(init_us),
        init_log=_data(message["init_log"]),
        log=_data(message["streamed_log"]) + _data(message["log"]),
        log_dropped=_figure(message["log_dropped"]),
    )


def _data(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise wire.BrokenFrame(f"a {type(value).__name__} where bytes belong")
    return value


def _figure(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise wire.BrokenFrame("no figure where one belongs")
    return value
