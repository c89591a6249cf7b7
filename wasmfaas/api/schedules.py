"""Our own routes for schedules and rules, below `/_wasmfaas/v1/`.

GET schedules                      ?after=TOKEN; when each was and will be due
GET schedules/NAME                 all of that name, with their last occurrences
"""

from collections.abc import Iterable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from wasmfaas.api.own_routes import PREFIX, RouteRow, json_response, text
from wasmfaas.api.scheduler.tokens import place_of, token
from wasmfaas.errors import ResourceNotFound
from wasmfaas.store.occurrences import Occurrences
from wasmfaas.store.rules import RuleTargets
from wasmfaas.store.schedules import RULE, SCHEDULE, Schedule, Schedules

_PAGE: Final = 100
_OCCURRENCES: Final = 20


class ScheduleRoutes:
    """What the routes do. Lifetime: process."""

    def __init__(
        self, schedules: Schedules, targets: RuleTargets, occurrences: Occurrences
    ) -> None:
        self._schedules = schedules
        self._targets = targets
        self._occurrences = occurrences

    def rows(self) -> Iterable[RouteRow]:
        return (
            ("GET", f"{PREFIX}/schedules", self._list, "GetSchedules"),
            ("GET", f"{PREFIX}/schedules/{{name}}", self._show, "GetSchedules"),
        )

    async def _list(self, request: Request) -> Response:
        """A page of them; `next` is what the one behind it comes after."""
        family, group, name = place_of(text(request, "after"), 3)
        found: list[Schedule] = []
        more = False
        for each in (SCHEDULE, RULE):
            if each == SCHEDULE and family == RULE:
                continue
            after = (group, name) if each == family else ("", "")
            limit = _PAGE - len(found)
            page, more = await self._schedules.page(each, after=after, limit=limit)
            found += page
            if more:
                break
        following = token(found[-1].family, found[-1].group, found[-1].name) if more else None
        documents = [await self._document(each) for each in found]
        return json_response({"schedules": documents, "next": following})

    async def _show(self, request: Request) -> Response:
        name = request.path_params["name"]
        found = [
            schedule for family in (SCHEDULE, RULE) for schedule in await self._named(family, name)
        ]
        if not found:
            raise ResourceNotFound(f"There is no schedule and no rule {name[:64]!a}.")
        documents = [
            await self._document(each)
            | {"occurrences": await self._occurrences.of(each.id, _OCCURRENCES)}
            for each in found
        ]
        return json_response({"schedules": documents})

    async def _named(self, family: str, name: str) -> list[Schedule]:
        """The schedules of a name, of which each group may have one."""
        found, _ = await self._schedules.page(family, name=name, limit=_PAGE)
        return found

    async def _document(self, schedule: Schedule) -> dict[str, Any]:
        target = schedule.configuration.get("Target")
        arns = [each.arn for each in await self._targets.of(schedule)]
        return {
            "kind": schedule.family,
            "group": schedule.group,
            "name": schedule.name,
            "state": schedule.state,
            "expression": schedule.configuration.get("ScheduleExpression"),
            "timezone": schedule.configuration.get("ScheduleExpressionTimezone", "UTC"),
            "pattern": schedule.pattern,
            "targets": arns if target is None else [target["Arn"]],
            "next_at_ms": schedule.next_at_ms,
            "due_at_ms": schedule.due_at_ms,
            "last_at_ms": schedule.last_at_ms,
            "fired": schedule.fired,
            "skipped": schedule.skipped,
        }
