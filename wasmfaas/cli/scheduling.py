"""Schedules as commands see them: those that a deploy makes for its function, and all there are.

What a deploy makes is in a group of schedules of its own, named after the function. So it knows
what it made before, and never touches what somebody else did.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from wasmfaas.cli.client import Client
from wasmfaas.cli.failures import Refused
from wasmfaas.cli.plan import ROLE
from wasmfaas.cli.requests import Document
from wasmfaas.cli.schedule_settings import ScheduleSettings

SERVICE: Final = "scheduler"
GROUP_PREFIX: Final = "wasmfaas."
_GROUP_CHARACTERS_MAX: Final = 64
_CONFLICT: Final = 409
_MISSING: Final = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of a schedule: `created`, `updated`, `unchanged` or `deleted`."""

    name: str
    action: str
    expression: str


def group_of(function: str) -> str:
    """The group that holds what deploys of *function* make."""
    whole = GROUP_PREFIX + function
    if len(whole) <= _GROUP_CHARACTERS_MAX:
        return whole
    digest = hashlib.sha256(function.encode()).hexdigest()[:16]
    return f"{whole[: _GROUP_CHARACTERS_MAX - 17]}.{digest}"


class Scheduling:
    """Schedules of one server. Lives as long as its client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def all(self) -> Iterator[Document]:
        """Schedules and rules, with the times at which they fire."""
        after: str | None = None
        while True:
            query = {} if after is None else {"after": after}
            page = self._client.management("GET", "/schedules", params=query)
            yield from page["schedules"]
            after = page["next"]
            if after is None:
                return

    def named(self, name: str) -> list[Document]:
        """Those of one name, with their last occurrences."""
        found = self._client.management("GET", f"/schedules/{quote(name, safe='')}")
        return list(found["schedules"])

    def converge(self, function: str, arn: str, wanted: Sequence[ScheduleSettings]) -> list[Change]:
        """Make the schedules that deploys of *function* made those that are *wanted*."""
        group = group_of(function)
        there = self.deployed(function)
        if wanted and there is None:
            self._ignoring(_CONFLICT, "POST", f"/schedule-groups/{group}", json={})
        changes = [self._put(group, arn, each, (there or ())) for each in wanted]
        gone = [name for name in there or () if name not in {each.name for each in wanted}]
        for name in gone:
            expression = self._get(group, name).get("ScheduleExpression", "")
            path, query = f"/schedules/{quote(name, safe='')}", {"groupName": group}
            self._ignoring(_MISSING, "DELETE", path, params=query)
            changes.append(Change(name=name, action="deleted", expression=expression))
        if there is not None and not wanted:
            self._ignoring(_MISSING, "DELETE", f"/schedule-groups/{group}")
        return changes

    def deployed(self, function: str) -> list[str] | None:
        """The names of those that deploys of *function* made; None where there never were any."""
        names: list[str] = []
        token: str | None = None
        while True:
            query = {"ScheduleGroup": group_of(function)}
            query |= {"NextToken": token} if token else {}
            page = self._or_none("GET", "/schedules", params=query)
            if page is None:
                return None
            names += [each["Name"] for each in page["Schedules"]]
            token = page.get("NextToken")
            if not token:
                return names

    def remove(self, function: str) -> list[str]:
        """Delete what deploys of *function* made; their names."""
        names = self.deployed(function)
        if names is None:
            return []
        self._ignoring(_MISSING, "DELETE", f"/schedule-groups/{group_of(function)}")
        return names

    def _put(self, group: str, arn: str, wanted: ScheduleSettings, there: Sequence[str]) -> Change:
        members = {"GroupName": group, **wanted.members(arn, ROLE)}
        path = f"/schedules/{quote(wanted.name, safe='')}"
        action = "created"
        if wanted.name not in there:
            self._client.request(SERVICE, "POST", path, json=members)
        elif _says(self._get(group, wanted.name), members):
            action = "unchanged"
        else:
            action = "updated"
            self._client.request(SERVICE, "PUT", path, json=members)
        return Change(name=wanted.name, action=action, expression=wanted.expression)

    def _get(self, group: str, name: str) -> Document:
        path = f"/schedules/{quote(name, safe='')}"
        return self._or_none("GET", path, params={"groupName": group}) or {}

    def _or_none(self, method: str, path: str, **request: Any) -> Document | None:
        try:
            return self._client.request(SERVICE, method, path, **request)
        except Refused as refused:
            if refused.http_status == _MISSING:
                return None
            raise

    def _ignoring(self, status: int, method: str, path: str, **request: Any) -> None:
        """Ask for what somebody else may have done already."""
        try:
            self._client.request(SERVICE, method, path, **request)
        except Refused as refused:
            if refused.http_status != status:
                raise


def _says(found: Mapping[str, Any], members: Mapping[str, Any]) -> bool:
    return all(found.get(name) == value for name, value in members.items())
