"""Handlers of CloudWatch Logs' operations."""

import asyncio
import functools
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.logs import events, patterns, streams
from wasmfaas.api.logs.events import Boundary, Event, Page
from wasmfaas.errors import ValidationFailed
from wasmfaas.invoke.logs import LogStore
from wasmfaas.invoke.segments import LogEntry
from wasmfaas.log_errors import InvalidParameter, LogGroupNotFound
from wasmfaas.store.log_groups import LogGroup, LogGroups

EVENTS_MAX: Final = 10_000
DESCRIBED_MAX: Final = 50
#: Reads of logs at once; each holds about a page, and the interpreter.
READS_MAX: Final = 2
_DAY_MS: Final = 24 * 60 * 60 * 1000
_RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
_ARN = re.compile(r"arn:[a-z-]+:logs:[a-z0-9-]*:\d*:log-group:([^:]+)(?::\*)?", re.ASCII)


class LogsOperations:
    """Handlers of all operations. Lifetime: process.

    *clock* gives Unix time in seconds.
    """

    def __init__(
        self,
        *,
        region: str,
        account_id: str,
        groups: LogGroups,
        logs: LogStore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._arns = f"arn:aws:logs:{region}:{account_id}:log-group:"
        self._groups = groups
        self._logs = logs
        self._clock = clock
        self._turns = asyncio.Semaphore(READS_MAX)

    def rows(self) -> Mapping[str, Handler]:
        return {
            "CreateLogGroup": self.create_group,
            "DeleteLogGroup": self.delete_group,
            "DeleteRetentionPolicy": self.delete_retention,
            "DescribeLogGroups": self.describe_groups,
            "DescribeLogStreams": self.describe_streams,
            "FilterLogEvents": self.filter_events,
            "GetLogEvents": self.get_events,
            "ListTagsForResource": self.list_tags,
            "ListTagsLogGroup": self.list_tags,
            "PutRetentionPolicy": self.put_retention,
            "TagResource": self.tag,
            "UntagResource": self.untag,
        }

    async def create_group(self, call: Call) -> Reply:
        asked = call.parameters
        if asked.get("logGroupClass", "STANDARD") != "STANDARD" or asked.get("kmsKeyId"):
            raise InvalidParameter(
                "Log groups here have the class STANDARD and no key. Leave out logGroupClass and "
                "kmsKeyId."
            )
        await self._groups.create(asked["logGroupName"], asked.get("tags", {}))
        return Reply()

    async def delete_group(self, call: Call) -> Reply:
        """The events go too. The group of a function that exists is there again at once."""
        group = await self._groups.delete(call.parameters["logGroupName"])
        if group.function is not None:
            self._logs.delete(group.function)
        return Reply()

    async def put_retention(self, call: Call) -> Reply:
        days = call.parameters["retentionInDays"]
        if days not in _RETENTION_DAYS:
            raise InvalidParameter(
                f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to "
                "satisfy constraint: Member must satisfy enum value set: "
                f"[{', '.join(map(str, _RETENTION_DAYS))}]"
            )
        await self._groups.retain(call.parameters["logGroupName"], days)
        return Reply()

    async def delete_retention(self, call: Call) -> Reply:
        await self._groups.retain(call.parameters["logGroupName"], None)
        return Reply()

    async def list_tags(self, call: Call) -> Reply:
        return Reply({"tags": (await self._groups.get(self._named(call))).tags})

    async def tag(self, call: Call) -> Reply:
        await self._groups.tag(self._named(call), call.parameters["tags"], [])
        return Reply()

    async def untag(self, call: Call) -> Reply:
        await self._groups.tag(self._named(call), {}, call.parameters["tagKeys"])
        return Reply()

    async def describe_groups(self, call: Call) -> Reply:
        asked = call.parameters
        prefix, part = asked.get("logGroupNamePrefix", ""), asked.get("logGroupNamePattern", "")
        if prefix and part:
            raise InvalidParameter(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
            )
        limit = asked.get("limit", DESCRIBED_MAX)
        if asked.get("logGroupClass", "STANDARD") != "STANDARD":
            return Reply({"logGroups": []})
        if "logGroupIdentifiers" in asked:
            names = {self._name(text) for text in asked["logGroupIdentifiers"]}
            groups, more = [g for name in sorted(names) for g in await self._found(name)], False
        else:
            after = asked.get("nextToken", "")
            groups, more = await self._groups.page(
                prefix=prefix, part=part, after=after, limit=limit
            )
        described = await asyncio.to_thread(
            lambda: [self._group(g, brief=bool(part)) for g in groups]
        )
        return Reply({"logGroups": described, "nextToken": groups[-1].name if more else None})

    async def describe_streams(self, call: Call) -> Reply:
        asked = call.parameters
        by_time = asked.get("orderBy") == "LastEventTime"
        if by_time and "logStreamNamePrefix" in asked:
            raise InvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
        group = await self._group_of(call)
        found = await self._read(streams.of_log, self._reader(group, 0))
        prefix = asked.get("logStreamNamePrefix", "")
        chosen = streams.ordered(
            [stream for stream in found if stream.name.startswith(prefix)], by_time=by_time
        )
        if asked.get("descending", False):
            chosen.reverse()
        page, token = streams.page(
            chosen, asked.get("nextToken"), asked.get("limit", DESCRIBED_MAX)
        )
        arn = f"{self._arns}{group.name}:log-stream:"
        return Reply({"logStreams": [each.members(arn) for each in page], "nextToken": token})

    async def get_events(self, call: Call) -> Reply:
        asked = call.parameters
        group = await self._group_of(call)
        stream = asked["logStreamName"]
        since_ms, until_ms = asked.get("startTime", 0), asked.get("endTime")

        def accept(event: Event) -> bool:
            at_ms = event.entry.timestamp_ms
            return event.stream == stream and (until_ms is None or at_ms < until_ms)

        direction, boundary = _start(asked, forward=asked.get("startFromHead", False))
        limit = asked.get("limit", EVENTS_MAX)
        read = self._reader(group, since_ms)
        page = await self._read(_paged, direction, read, boundary, limit, accept)
        if not page.events:
            found = await self._read(streams.of_log, self._reader(group, 0))
            if stream not in {each.name for each in found}:
                raise LogGroupNotFound("The specified log stream does not exist.")
        first, last = _ends(page, direction, boundary)
        return Reply(
            {
                "events": [_members(event) for event in page.events],
                "nextForwardToken": last.token("f"),
                "nextBackwardToken": first.token("b"),
            }
        )

    async def filter_events(self, call: Call) -> Reply:
        asked = call.parameters
        if "logStreamNames" in asked and "logStreamNamePrefix" in asked:
            raise InvalidParameter(
                "logStreamNames and logStreamNamePrefix are mutually exclusive parameters."
            )
        group = await self._group_of(call)
        direction, boundary = _start(asked, forward=asked.get("startFromHead", True))
        limit = asked.get("limit", EVENTS_MAX)
        read = self._reader(group, asked.get("startTime", 0))
        page = await self._read(_paged, direction, read, boundary, limit, _acceptor(asked))
        members = [
            {"logStreamName": event.stream, **_members(event), "eventId": event.id}
            for event in page.events
        ]
        return Reply(
            {
                "events": members if direction == "f" else members[::-1],
                "searchedLogStreams": [],
                "nextToken": page.end.token(direction) if page.more else None,
            }
        )

    async def _read(self, work: Callable[..., Any], *arguments: Any) -> Any:
        async with self._turns:
            return await asyncio.to_thread(functools.partial(work, *arguments))

    def _reader(self, group: LogGroup, since_ms: int) -> events.Read:
        if group.function is None:
            return lambda after: iter(())
        if group.retention_days is not None:
            kept_ms = group.retention_days * _DAY_MS
            since_ms = max(since_ms, int(self._clock() * 1000) - kept_ms)
        function = group.function

        def read(after: int) -> Iterator[LogEntry]:
            return self._logs.entries(function, after, since_ms)

        return read

    async def _group_of(self, call: Call) -> LogGroup:
        return await self._groups.get(self._named(call))

    async def _found(self, name: str) -> list[LogGroup]:
        try:
            return [await self._groups.get(name)]
        except LogGroupNotFound:
            return []

    def _named(self, call: Call) -> str:
        """The group that a request names, by its name or by its ARN."""
        name = call.parameters.get("logGroupName")
        identifier = call.parameters.get("logGroupIdentifier", call.parameters.get("resourceArn"))
        if name is not None and identifier is not None:
            raise ValidationFailed(
                "LogGroup name and LogGroup ARN are mutually exclusive parameters."
            )
        if name is None and identifier is None:
            raise InvalidParameter(
                "1 validation error detected: Value null at 'logGroupName' failed to satisfy "
                "constraint: Member must not be null"
            )
        return str(name) if identifier is None else self._name(identifier)

    def _name(self, identifier: str) -> str:
        if not identifier.startswith("arn:"):
            return identifier
        match = _ARN.fullmatch(identifier)
        name = "" if match is None else match[1]
        if identifier.removesuffix(":*") != f"{self._arns}{name}":
            raise LogGroupNotFound("The specified log group does not exist.")
        return name

    def _group(self, group: LogGroup, *, brief: bool) -> dict[str, Any]:
        arn = f"{self._arns}{group.name}"
        members: dict[str, Any] = {
            "logGroupName": group.name,
            "creationTime": group.created_at_ms,
            "arn": f"{arn}:*",
        }
        if brief:
            return members
        size = 0 if group.function is None else self._logs.size_bytes(group.function)
        return members | {
            "retentionInDays": group.retention_days,
            "metricFilterCount": 0,
            "storedBytes": size,
            "logGroupClass": "STANDARD",
            "logGroupArn": arn,
        }


def _start(asked: Mapping[str, Any], *, forward: bool) -> tuple[str, Boundary | None]:
    """Direction and start of a page; no start is that of the log, or going backward its end."""
    if "nextToken" in asked:
        return Boundary.parse(asked["nextToken"])
    return ("f", Boundary(0)) if forward else ("b", None)


def _paged(
    direction: str,
    read: events.Read,
    boundary: Boundary | None,
    limit: int,
    accept: Callable[[Event], bool],
) -> Page:
    if direction == "f":
        return events.forward(read, boundary or Boundary(0), limit, accept)
    return events.backward(read, boundary, limit, accept)


def _ends(page: Page, direction: str, boundary: Boundary | None) -> tuple[Boundary, Boundary]:
    """The boundaries before and after a page of GetLogEvents."""
    if page.events:
        after = page.end if direction == "f" else page.events[-1].after
        return page.events[0].before, after
    return boundary or page.end, page.end


def _acceptor(asked: Mapping[str, Any]) -> Callable[[Event], bool]:
    matches = patterns.compiled(asked.get("filterPattern", ""))
    names = frozenset(asked.get("logStreamNames", ()))
    prefix = asked.get("logStreamNamePrefix", "")
    until_ms = asked.get("endTime")

    def accept(event: Event) -> bool:
        return (
            (until_ms is None or event.entry.timestamp_ms <= until_ms)
            and (not names or event.stream in names)
            and event.stream.startswith(prefix)
            and matches(event.message)
        )

    return accept


def _members(event: Event) -> dict[str, Any]:
    at_ms = event.entry.timestamp_ms
    return {"timestamp": at_ms, "message": event.message, "ingestionTime": at_ms}
