"""What becomes of an event after an attempt, by Lambda's rules: again later, or an end, of which a
destination may be told."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from wasmfaas.errors import ResourceNotFound, WasmfaasError
from wasmfaas.models import LATEST, Outcome
from wasmfaas.store.events import Claimed, EventState, NewEvent, Verdict

_RETRY_DELAY_MS: Final = 60_000
_DELAY_MS_MIN: Final = 1000
_DELAY_MS_MAX: Final = 300_000
#: Events that may lead to one another by way of destinations: Lambda ends such loops there, too.
DEPTH_MAX: Final = 16

Arn = Callable[[str, str | None], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRules:
    """How asynchronous invocations of a function are handled."""

    retries_max: int = 2
    age_ms_max: int = 21_600_000
    #: ARNs of destinations.
    on_success: str | None = None
    on_failure: str | None = None

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "EventRules":
        """From the members of an EventInvokeConfig; what it lacks has Lambda's defaults."""
        config = value.get("DestinationConfig", {})
        return cls(
            retries_max=int(value.get("MaximumRetryAttempts", 2)),
            age_ms_max=int(value.get("MaximumEventAgeInSeconds", 21_600)) * 1000,
            on_success=config.get("OnSuccess", {}).get("Destination"),
            on_failure=config.get("OnFailure", {}).get("Destination"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Judges one attempt of one event. Lifetime: the attempt."""

    rules: EventRules
    event: Claimed
    #: How it went; None where its time was over before.
    result: Outcome | WasmfaasError | None
    #: Makes ARNs of functions here.
    arn: Arn
    #: Whether nothing of the function may run, ever.
    is_barred: bool = False
    record_bytes_max: int

    def __call__(self, now_ms: int) -> Verdict:
        """The verdict at a time in Unix milliseconds."""
        verdict = self._verdict(now_ms)
        if verdict.condition is None:
            return verdict
        succeeded = verdict.state is EventState.DONE
        destination = self.rules.on_success if succeeded else self.rules.on_failure
        target = self._function(destination)
        if target is None or self.event.depth >= DEPTH_MAX:
            return verdict
        name, qualifier = target
        sent = NewEvent(
            id=str(uuid.uuid4()),
            function_name=name,
            qualifier=qualifier,
            payload=self._record(verdict, now_ms),
            trace_id=self.event.trace_id,
            depth=self.event.depth + 1,
        )
        return Verdict(
            state=verdict.state,
            failures=verdict.failures,
            delays=verdict.delays,
            condition=verdict.condition,
            send=sent,
            sent_to=destination,
        )

    def _verdict(self, now_ms: int) -> Verdict:
        event, result = self.event, self.result
        failures, delays = event.failures, event.delays
        if result is None:
            return self._ended(EventState.EXPIRED, "EventAgeExceeded", failures)
        if isinstance(result, Outcome):
            if result.error_type is None:
                return self._ended(EventState.DONE, "Success", failures)
            failures, delays = failures + 1, 0
            if failures > self.rules.retries_max:
                return self._ended(EventState.DEAD, "RetriesExhausted", failures)
            delay_ms = _RETRY_DELAY_MS * failures
        elif self.is_barred:
            return self._ended(EventState.DEAD, "ZeroReservedConcurrency", failures)
        elif isinstance(result, ResourceNotFound):
            return self._ended(EventState.DEAD, "FunctionNotFound", failures)
        else:
            delay_ms = min(_DELAY_MS_MIN << min(delays, 20), _DELAY_MS_MAX)
            delays += 1
        if now_ms - event.enqueued_at_ms + delay_ms > self.rules.age_ms_max:
            return self._ended(EventState.EXPIRED, "EventAgeExceeded", failures)
        return Verdict(state=EventState.QUEUED, delay_ms=delay_ms, failures=failures, delays=delays)

    def _ended(self, state: EventState, condition: str, failures: int) -> Verdict:
        delays = self.event.delays
        return Verdict(state=state, condition=condition, failures=failures, delays=delays)

    def _function(self, destination: str | None) -> tuple[str, str] | None:
        """Name and qualifier of a destination that is a function here."""
        prefix = self.arn("", None)
        if destination is None or not destination.startswith(prefix):
            return None
        name, _, qualifier = destination.removeprefix(prefix).partition(":")
        return name, qualifier

    def _record(self, verdict: Verdict, now_ms: int) -> bytes:
        """What a destination gets: the invocation as Lambda describes it. Of one that is larger
        than an event may be, without what it was given and what it answered."""
        event, outcome = self.event, self.result
        moment = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
        ran = isinstance(outcome, Outcome)
        context = {
            "requestId": event.id,
            "functionArn": self.arn(event.function_name, event.qualifier or LATEST),
            "condition": verdict.condition,
            "approximateInvokeCount": verdict.failures + (verdict.state is EventState.DONE),
        }
        head = {
            "version": "1.0",
            "timestamp": moment.replace("+00:00", "Z"),
            "requestContext": context,
        }
        response: dict[str, Any] | None = None
        answer = b"null"
        if isinstance(outcome, Outcome):
            response = {"statusCode": 200, "executedVersion": outcome.executed_version}
            if outcome.error_type is not None:
                response["functionError"] = "Unhandled"
            answer = _json_of(outcome.payload)
        text = _joined(head, event.payload, response, answer if ran else None)
        if len(text) > self.record_bytes_max:
            text = _joined(head, b"null", response, b"null" if ran else None)
        return text


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
