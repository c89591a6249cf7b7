"""Handlers of EventBridge's operations on event buses and on events themselves."""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from wasmfaas import patterns
from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.eventbridge.checks import bus_of, check_pattern
from wasmfaas.schedule_errors import InvalidEventPattern, InvalidSchedule, ScheduleNotFound
from wasmfaas.schedules.arns import DEFAULT, ScheduleArns

#: What a pattern may ask of an event for TestEventPattern.
_TESTED: Final = ("id", "account", "source", "time", "region", "resources", "detail-type")


class Bus(Protocol):
    """Where events are sent to."""

    async def put(self, said: Sequence[Mapping[str, Any]]) -> None: ...


class EventOperations:
    """Handlers of these operations. Lifetime: process. *clock* gives Unix time in seconds."""

    def __init__(
        self, arns: ScheduleArns, bus: Bus, clock: Callable[[], float] = time.time
    ) -> None:
        self._arns = arns
        self._bus = bus
        self._clock = clock

    def rows(self) -> Mapping[str, Handler]:
        return {
            "DescribeEventBus": self.describe_bus,
            "ListEventBuses": self.list_buses,
            "PutEvents": self.put,
            "TestEventPattern": self.test_pattern,
        }

    async def describe_bus(self, call: Call) -> Reply:
        bus_of({"EventBusName": call.parameters.get("Name", DEFAULT)}, self._arns)
        return Reply(self._members())

    async def list_buses(self, call: Call) -> Reply:
        fits = DEFAULT.startswith(call.parameters.get("NamePrefix", ""))
        return Reply({"EventBuses": [self._members()] if fits else []})

    async def test_pattern(self, call: Call) -> Reply:
        pattern = check_pattern(call.parameters["EventPattern"])
        event = _object(call.parameters["Event"])
        missing = [name for name in _TESTED if event is not None and name not in event]
        if event is None or missing:
            said = f": {missing[0]} is missing" if missing else ""
            raise InvalidEventPattern(f"Parameter Event is not valid{said}.")
        try:
            return Reply({"Result": pattern.matches(event)})
        except patterns.EventTooComplex as error:
            raise InvalidSchedule(f"Parameter Event is not valid: {error}") from None

    async def put(self, call: Call) -> Reply:
        """Entries that are wrong are told one by one; the others go out together."""
        results: list[dict[str, Any]] = []
        said: list[Mapping[str, Any]] = []
        for entry in call.parameters["Entries"]:
            refusal = self._refusal(entry)
            if refusal is None:
                event = self._event(entry)
                said.append(event)
                results.append({"EventId": event["id"]})
            else:
                results.append({"ErrorCode": refusal[0], "ErrorMessage": refusal[1]})
        if said:
            await self._bus.put(said)
        return Reply({"FailedEntryCount": len(results) - len(said), "Entries": results})

    def _refusal(self, entry: Mapping[str, Any]) -> tuple[str, str] | None:
        for name in ("Source", "DetailType", "Detail"):
            if not entry.get(name):
                return (
                    "InvalidArgument",
                    f"Parameter {name} is not valid. Reason: {name} is a required argument.",
                )
        if entry["Source"].startswith("aws."):
            return "NotAuthorizedForSourceException", "Not authorized for the source."
        if _object(entry["Detail"]) is None:
            return "MalformedDetail", "Detail is malformed."
        try:
            bus_of(entry, self._arns)
        except ScheduleNotFound as error:
            return "ResourceNotFoundException", error.message
        return None

    def _event(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        # Times that no calendar has are taken for now.
        at = entry.get("Time", self._clock())
        moment = datetime.fromtimestamp(at if 0 <= at < 7_258_118_400 else self._clock(), UTC)
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": self._arns.account_id,
            "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._arns.region,
            "resources": list(entry.get("Resources", ())),
            "detail": _object(entry["Detail"]),
        }

    def _members(self) -> dict[str, Any]:
        return {"Name": DEFAULT, "Arn": self._arns.bus(DEFAULT)}


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
