"""The context object that a handler gets, with Lambda's attributes and methods."""

import json
import time
from types import SimpleNamespace
from typing import Any

_CLIENT_FIELDS = (
    "installation_id",
    "app_title",
    "app_version_name",
    "app_version_code",
    "app_package_name",
)

_TRACE_ID = '{"traceId": "'
_REQUEST_ID = '", "requestId": "'


class ClientContext:
    """What a mobile client sent along."""

    def __init__(self, members: dict[str, Any]) -> None:
        client = members.get("client") or {}
        self.custom = members.get("custom")
        self.env = members.get("env")
        self.client = SimpleNamespace(**{name: client.get(name) for name in _CLIENT_FIELDS})


class CognitoIdentity:
    """Always present, and empty without a Cognito identity."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class LambdaContext:
    """Attributes and methods of the context of AWS Lambda's Python runtimes.

    Most handlers never look at it, so its members are read from *text* when the first one is used.
    """

    aws_request_id: str

    def __init__(self, text: str) -> None:
        self._text = text

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "function_name" in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name == "aws_request_id" and self._text.startswith(_TRACE_ID):
            # All that many ask for.
            start = self._text.index('"', len(_TRACE_ID)) + len(_REQUEST_ID)
            self.aws_request_id = self._text[start : self._text.index('"', start)]
        else:
            self._read()
        return getattr(self, name)

    def _read(self) -> None:
        members = json.loads(self._text)
        self.aws_request_id = members["requestId"]
        self.function_name: str = members["functionName"]
        self.function_version: str = members["functionVersion"]
        self.invoked_function_arn: str = members["invokedFunctionArn"]
        self.memory_limit_in_mb: str = members["memoryLimitInMB"]
        self.log_group_name: str = members["logGroupName"]
        self.log_stream_name: str = members["logStreamName"]
        self.tenant_id: str | None = None
        self.identity = CognitoIdentity()
        sent = members.get("clientContext")
        self.client_context = ClientContext(sent) if isinstance(sent, dict) else None
        self._deadline_ms: str = members["deadlineMs"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout; never negative."""
        return max(int(self._deadline_ms) - int(time.time() * 1000), 0)

    def log(self, message: object) -> None:
        """Write *message* to the function's log."""
        print(message)

    def __repr__(self) -> str:
        shown = ("aws_request_id", "log_group_name", "log_stream_name", "function_name",
                 "memory_limit_in_mb", "function_version", "invoked_function_arn",
                 "client_context", "identity", "tenant_id")  # fmt: skip
        return f"LambdaContext([{','.join(f'{name}={getattr(self, name)}' for name in shown)}])"


def trace_id(text: str) -> str | None:
    """The trace id in a context, found without reading the rest.

    The host puts it first: a search would burn fuel by what else the context holds, and the same
    event must cost the same in every invocation. It never needs escaping.
    """
    if not text.startswith(_TRACE_ID):
        return None
    return text[len(_TRACE_ID) : text.index('"', len(_TRACE_ID))]
