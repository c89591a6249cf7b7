"""The targets of EventBridge's rules."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from wasmfaas.schedule_errors import RuleLimitExceeded
from wasmfaas.store.database import Database
from wasmfaas.store.schedule_tables import RULE_TARGETS, SCHEDULES
from wasmfaas.store.schedules import RULE, Schedule

TARGETS_MAX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTarget:
    """What a rule sends its events to."""

    id: str
    arn: str
    #: Members of the request, Id and Arn among them.
    configuration: Mapping[str, Any]


class RuleTargets:
    """The targets of all rules. Lives as long as the server. Every method raises StorageFull where
    it cannot write."""

    def __init__(self, database: Database, *, targets_max: int = TARGETS_MAX) -> None:
        self._database = database
        self._targets_max = targets_max

    async def of(self, rule: Schedule) -> list[RuleTarget]:
        """The targets of *rule*, by id."""
        return await self._database.run(lambda connection: targets_of(connection, rule))

    async def put(self, rule: Schedule, targets: Sequence[RuleTarget]) -> None:
        """Add *targets*, in place of such of the same ids. Raises RuleLimitExceeded."""

        def transaction(connection: Connection) -> None:
            remove_targets(connection, rule, [target.id for target in targets])
            kept = len(targets_of(connection, rule))
            if kept + len(targets) > self._targets_max:
                raise RuleLimitExceeded(
                    "The requested resource exceeds the maximum number allowed. A rule has at most "
                    f"{self._targets_max} targets."
                )
            rows = [
                {
                    "schedule_id": rule.id,
                    "target_id": target.id,
                    "arn": target.arn,
                    "configuration": json.dumps(target.configuration),
                }
                for target in targets
            ]
            connection.execute(insert(RULE_TARGETS), rows)
            _touch(connection, rule)

        await self._database.run(transaction)

    async def remove(self, rule: Schedule, ids: Collection[str]) -> set[str]:
        """Remove targets; which of *ids* there were."""

        def transaction(connection: Connection) -> set[str]:
            known = {target.id for target in targets_of(connection, rule)} & set(ids)
            remove_targets(connection, rule, known)
            _touch(connection, rule)
            return known

        return await self._database.run(transaction)

    async def rules_of(self, arn: str) -> list[str]:
        """The names of the rules that have a target of this ARN, in order."""
        query = (
            select(SCHEDULES.c.name)
            .join(RULE_TARGETS, RULE_TARGETS.c.schedule_id == SCHEDULES.c.id)
            .where(RULE_TARGETS.c.arn == arn)
            .distinct()
            .order_by(SCHEDULES.c.name)
        )
        found = await self._database.run(lambda connection: connection.scalars(query).all())
        return list(found)

    async def matched(self, group: str) -> list[tuple[Schedule, list[RuleTarget]]]:
        """The rules of an event bus that have a pattern, enabled ones only, with their targets."""
        columns = SCHEDULES.c
        where = columns.family == RULE, columns.group_name == group, columns.pattern.is_not(None)
        query = select(SCHEDULES).where(*where, columns.state != "DISABLED")

        def transaction(connection: Connection) -> list[tuple[Schedule, list[RuleTarget]]]:
            found = [Schedule.of(row) for row in connection.execute(query)]
            return [(rule, targets_of(connection, rule)) for rule in found]

        return await self._database.run(transaction)


def targets_of(connection: Connection, rule: Schedule) -> list[RuleTarget]:
    """The targets of *rule*, by id; a schedule has none here."""
    if rule.family != RULE:
        return []
    columns = RULE_TARGETS.c
    query = select(RULE_TARGETS).where(columns.schedule_id == rule.id).order_by(columns.target_id)
    return [
        RuleTarget(id=row.target_id, arn=row.arn, configuration=json.loads(row.configuration))
        for row in connection.execute(query)
    ]


def remove_targets(connection: Connection, rule: Schedule, ids: Collection[str]) -> None:
    """Remove the targets of *rule* that have these *ids*."""
    columns = RULE_TARGETS.c
    held = columns.schedule_id == rule.id, columns.target_id.in_(list(ids))
    connection.execute(delete(RULE_TARGETS).where(*held))


def _touch(connection: Connection, rule: Schedule) -> None:
    columns = SCHEDULES.c
    change = {"revision": columns.revision + 1}
    connection.execute(update(SCHEDULES).where(columns.id == rule.id).values(change))
