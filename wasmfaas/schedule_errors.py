"""Errors that only EventBridge and its Scheduler have.

WasmfaasError
├── InvalidExpression         400  ValidationException
├── InvalidSchedule           400  ValidationException
├── InvalidEventPattern       400  InvalidEventPatternException
├── ScheduleNotFound          404  ResourceNotFoundException
├── ScheduleConflict          409  ConflictException
├── ScheduleQuotaExceeded     402  ServiceQuotaExceededException
└── RuleLimitExceeded         400  LimitExceededException
"""

from wasmfaas.errors import WasmfaasError


class InvalidExpression(WasmfaasError):
    """A schedule expression cannot be read, or names a time that does not exist.

    *position* counts the expression's characters from 1.
    """

    code = "ValidationException"
    status = 400
    fault = None

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"At character {position}: {message}")
        self.position = position


class InvalidSchedule(WasmfaasError):
    """A member of a schedule or of a rule is not acceptable."""

    code = "ValidationException"
    status = 400
    fault = None


class InvalidEventPattern(WasmfaasError):
    """The pattern of a rule cannot be read."""

    code = "InvalidEventPatternException"
    status = 400
    fault = None


class ScheduleNotFound(WasmfaasError):
    """The schedule, the group, the rule or the event bus does not exist."""

    code = "ResourceNotFoundException"
    status = 404
    fault = None


class ScheduleConflict(WasmfaasError):
    """There is one of this name, or a client token has been used for something else."""

    code = "ConflictException"
    status = 409
    fault = None


class ScheduleQuotaExceeded(WasmfaasError):
    """There are as many schedules or groups as may be."""

    code = "ServiceQuotaExceededException"
    status = 402
    fault = None


class RuleLimitExceeded(WasmfaasError):
    """There are as many rules, or targets of a rule, as may be."""

    code = "LimitExceededException"
    status = 400
    fault = None
