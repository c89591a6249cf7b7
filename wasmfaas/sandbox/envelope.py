"""What guests answer with, checked: `guest-sdks/README.md` says what it has to be."""

import json
from typing import Any, NoReturn

import msgpack

from wasmfaas.sandbox.instance import GuestFailure


def _nothing(_: str) -> None:
    pass


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


#: Nothing is done with the numbers, and long ones are slow to convert.
_CHECKER = json.JSONDecoder(
    parse_int=_nothing, parse_float=_nothing, parse_constant=_refuse_constant
)


def open_envelope(data: bytes) -> bytes:
    """The JSON text in a reactor's answer.

    Raises GuestFailure: with the guest's error where it reports one, `Runtime.InvalidEnvelope`
    where the answer is not an envelope.
    """
    try:
        envelope = msgpack.unpackb(data, max_map_len=64, max_array_len=4096, max_ext_len=0)
    except Exception as error:
        raise invalid(f"the answer is not msgpack: {error or type(error).__name__}") from None
    if not isinstance(envelope, dict):
        raise invalid("the answer is not a map")
    if ("ok" in envelope) == ("error" in envelope):
        raise invalid("the answer must have either `ok` (JSON text) or `error` (a map)")
    if "error" in envelope:
        raise GuestFailure.reported(_checked_error(envelope["error"]))
    answer = envelope["ok"]
    if isinstance(answer, str):
        return answer.encode()
    if isinstance(answer, bytes):
        return answer
    raise invalid(f"the answer's `ok` is of type {type(answer).__name__}, not JSON text")


def _checked_error(error: Any) -> dict[str, Any]:
    if not isinstance(error, dict):
        raise invalid(f"the answer's `error` is of type {type(error).__name__}, not a map")
    for name in ("errorType", "errorMessage"):
        if not isinstance(error.get(name), str):
            raise invalid(f"the answer's `error` has no text `{name}`")
    trace = error.get("stackTrace", [])
    if not isinstance(trace, list) or not all(isinstance(line, str) for line in trace):
        raise invalid("the answer's `error` has a `stackTrace` that is no list of text")
    return error


def reported_error(text: str) -> dict[str, Any]:
    """The error payload in the error arm of a component; text that is none is the message."""
    try:
        return _checked_error(json.loads(text))
    except (ValueError, RecursionError, GuestFailure):
        return {"errorType": "Unhandled", "errorMessage": text}


def invalid(reason: str) -> GuestFailure:
    """The guest does not do what the reactor ABI says."""
    return GuestFailure("Runtime.InvalidEnvelope", f"The module broke the reactor ABI: {reason}.")


def check_json(answer: bytes) -> None:
    """Raises GuestFailure (`Runtime.MarshalError`) unless *answer* is JSON text in UTF-8."""
    try:
        _CHECKER.decode(answer.decode())
    except (ValueError, RecursionError) as error:
        raise GuestFailure(
            "Runtime.MarshalError", f"Unable to marshal response: not JSON: {error}", discard=False
        ) from None


def text_as_json(output: bytes) -> bytes:
    """What a command printed: JSON as it is, nothing as null, other text as a JSON string."""
    text = output.decode("utf-8", "replace")
    if not text.strip():
        return b"null"
    try:
        check_json(output)
    except GuestFailure:
        return json.dumps(text, ensure_ascii=False).encode()
    return output.strip()
