"""What destinations and dead-letter queues are told of an invocation, in Lambda's shapes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from wasmfaas.errors import WasmfaasError
from wasmfaas.models import Outcome
from wasmfaas.store.events import Claimed, EventState, Verdict

#: Of the message attribute: Lambda's own limit.
_ERROR_BYTES_MAX: Final = 1024
#: Without an answer of the function: what a client would have been told.
_TOO_OLD: Final = (429, "The event waited for longer than it may (MaximumEventAgeInSeconds).")


def record(
    event: Claimed,
    result: Outcome | WasmfaasError | None,
    verdict: Verdict,
    arn: str,
    now_ms: int,
    bytes_max: int,
) -> bytes:
    """The invocation of the function *arn* as Lambda describes it to destinations, in JSON. Where
    it has more than *bytes_max*, without what the function was given and what it answered."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    context = {
        "requestId": event.id,
        "functionArn": arn,
        "condition": verdict.condition,
        "approximateInvokeCount": verdict.failures + (verdict.state is EventState.DONE),
    }
    head = {
        "version": "1.0",
        "timestamp": moment.replace("+00:00", "Z"),
        "requestContext": context,
    }
    if not isinstance(result, Outcome):
        text = _joined(head, event.payload, None, None)
        return text if len(text) <= bytes_max else _joined(head, b"null", None, None)
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": result.executed_version}
    if result.error_type is not None:
        response["functionError"] = "Unhandled"
    text = _joined(head, event.payload, response, _json_of(result.payload))
    return text if len(text) <= bytes_max else _joined(head, b"null", response, b"null")


def attributes(event: Claimed, result: Outcome | WasmfaasError | None) -> dict[str, str | int]:
    """The message attributes with which Lambda sends an event to a dead-letter queue."""
    code, text = _TOO_OLD
    if isinstance(result, WasmfaasError):
        code, text = result.status, result.message
    elif isinstance(result, Outcome):
        code, text = 200, _error_message(result)
    clean = "".join(character if character.isprintable() else " " for character in text)
    cut = clean.encode("utf-8", "replace")[:_ERROR_BYTES_MAX].decode("utf-8", "ignore")
    # An attribute may not be empty.
    return {"RequestID": event.id, "ErrorCode": code, "ErrorMessage": cut or "unknown"}


def _error_message(outcome: Outcome) -> str:
    try:
        document = json.loads(outcome.payload)
        return str(document["errorMessage"])
    except (ValueError, RecursionError, TypeError, KeyError):
        return outcome.payload[:_ERROR_BYTES_MAX].decode("utf-8", "replace")


def _joined(head: Mapping[str, Any], request: bytes, response: Any, answer: bytes | None) -> bytes:
    """One JSON object of texts that are JSON already."""
    parts = [json.dumps(head).encode()[:-1], b', "requestPayload": ', request]
    if answer is not None:
        parts += [b', "responseContext": ', json.dumps(response).encode()]
        parts += [b', "responsePayload": ', answer]
    return b"".join([*parts, b"}"])


def _json_of(payload: bytes) -> bytes:
    """*payload*, which is JSON unless its function broke its word."""
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return json.dumps(payload.decode("utf-8", "replace")).encode()
    return payload
