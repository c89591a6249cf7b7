"""ARNs of schedules, their groups, rules and event buses."""

from dataclasses import dataclass
from typing import Final

#: The event bus, and the group of schedules, that are always there.
DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class ScheduleArns:
    """Writes and reads them in one region and account. Lifetime: process."""

    region: str
    account_id: str

    def schedule(self, group: str, name: str) -> str:
        """The ARN of a schedule."""
        return f"{self._prefix('scheduler')}:schedule/{group}/{name}"

    def group(self, name: str) -> str:
        """The ARN of a group of schedules."""
        return f"{self._prefix('scheduler')}:schedule-group/{name}"

    def rule(self, bus: str, name: str) -> str:
        """The ARN of a rule, which names its bus unless that is the default one."""
        place = name if bus == DEFAULT else f"{bus}/{name}"
        return f"{self._prefix('events')}:rule/{place}"

    def bus(self, name: str) -> str:
        """The ARN of an event bus."""
        return f"{self._prefix('events')}:event-bus/{name}"

    def function(self, arn: str) -> tuple[str, str] | None:
        """Name and qualifier, or none, of a function here; None for the ARN of anything else."""
        prefix = f"{self._prefix('lambda')}:function:"
        if not arn.startswith(prefix):
            return None
        name, _, qualifier = arn.removeprefix(prefix).partition(":")
        return (name, qualifier) if name else None

    def _prefix(self, service: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}"
