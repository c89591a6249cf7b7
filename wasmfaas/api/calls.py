"""What handlers of operations take and give."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from wasmfaas.api.service_model import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of one operation, bound and validated."""

    operation: Operation
    #: Members of the operation's input by name; absent ones are missing.
    parameters: Mapping[str, Any]
    #: Sent back as x-amzn-requestid; of an invocation also its id.
    request_id: str
    #: Host and port by which the client reaches this server, for addresses in answers.
    authority: str
    #: The client's X-Amzn-Trace-Id.
    trace_id: str | None = None
    #: The client's X-Wasmfaas-Idempotency-Key.
    idempotency_key: str | None = None

    @property
    def function(self) -> str:
        """The parameter FunctionName, as given."""
        return str(self.parameters["FunctionName"])

    @property
    def qualifier(self) -> str | None:
        """The parameter Qualifier."""
        return self.parameters.get("Qualifier")


@dataclass(frozen=True, slots=True)
class Reply:
    """A handler's answer."""

    #: Members of the operation's output by name; None leaves one out.
    members: Mapping[str, Any] = field(default_factory=dict)
    #: Headers that the model does not know.
    headers: Mapping[str, str] = field(default_factory=dict)
    #: The body where it comes in parts; members are then those of the headers.
    parts: AsyncIterator[bytes] | None = None


Handler = Callable[[Call], Awaitable[Reply]]


class HandlerRows(Protocol):
    """A family of handlers, by the names of their operations."""

    def rows(self) -> Mapping[str, Handler]: ...
