"""What becomes of an event after an attempt, by Lambda's rules: again later, or an end, of which a
destination may be told."""

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.errors import ResourceNotFound, WasmfaasError
from wasmfaas.models import LATEST, Outcome
from wasmfaas.services.arns import MessageArn
from wasmfaas.services.webhooks import is_webhook
from wasmfaas.store.deliveries import NewDelivery, dead_letter
from wasmfaas.store.events import Claimed, EventState, NewEvent, Verdict
from wasmfaas.triggers import records

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

    def within(self, event: NewEvent) -> "EventRules":
        """These rules, but no more than *event* brings with it allows."""
        rules = self
        if event.retries_max is not None:
            retries_max = min(self.retries_max, event.retries_max)
            rules = dataclasses.replace(rules, retries_max=retries_max)
        if event.age_s_max is not None:
            age_ms_max = min(self.age_ms_max, event.age_s_max * 1000)
            rules = dataclasses.replace(rules, age_ms_max=age_ms_max)
        return rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Judges one attempt of one event. Lifetime: the attempt."""

    rules: EventRules
    event: Claimed
    #: How it went; None where its time was over before.
    result: Outcome | WasmfaasError | None
    #: Makes ARNs of functions here.
    arn: Arn
    #: The queue or topic that its dead letters go to (DeadLetterConfig).
    dead_letters_to: str | None = None
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
        events: list[NewEvent] = []
        deliveries: list[NewDelivery] = []
        sent_to: list[str] = []
        target = self._function(destination)
        if target is not None and self.event.depth < DEPTH_MAX:
            events.append(self._to_function(*target, self._record(verdict, now_ms)))
        elif destination is not None and is_deliverable(destination):
            deliveries.append(self._delivery(destination, self._record(verdict, now_ms), {}))
        if (events or deliveries) and destination is not None:
            sent_to.append(destination)
        if self.dead_letters_to is not None and not succeeded:
            attributes = records.attributes(self.event, self.result)
            deliveries.append(self._delivery(self.dead_letters_to, self.event.payload, attributes))
            sent_to.append(self.dead_letters_to)
        if self.event.dead_letter is not None and not succeeded:
            message = str(records.attributes(self.event, self.result)["ErrorMessage"])
            retries = max(0, verdict.failures - 1)
            deliveries.append(dead_letter(self.event, verdict.condition, message, retries))
            sent_to.append(self.event.dead_letter)
        return dataclasses.replace(
            verdict,
            events=tuple(events),
            deliveries=tuple(deliveries),
            sent_to=", ".join(sent_to) or None,
        )

    def _to_function(self, name: str, qualifier: str, record: bytes) -> NewEvent:
        return NewEvent(
            id=str(uuid.uuid4()),
            function_name=name,
            qualifier=qualifier,
            payload=record,
            trace_id=self.event.trace_id,
            depth=self.event.depth + 1,
        )

    def _delivery(
        self, destination: str, body: bytes, attributes: Mapping[str, str | int]
    ) -> NewDelivery:
        return NewDelivery(
            id=str(uuid.uuid4()),
            event_id=self.event.id,
            function_name=self.event.function_name,
            destination=destination,
            body=body,
            attributes=attributes,
        )

    def _record(self, verdict: Verdict, now_ms: int) -> bytes:
        arn = self.arn(self.event.function_name, self.event.qualifier or LATEST)
        return records.record(self.event, self.result, verdict, arn, now_ms, self.record_bytes_max)

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


def is_deliverable(destination: str) -> bool:
    """Whether *destination* is a queue, a topic or a webhook."""
    return MessageArn.parse(destination) is not None or is_webhook(destination)
