"""The one operation of STS that tools of AWS ask for before all others: GetCallerIdentity.

STS speaks AWS's query protocol: parameters in a form, answers in XML. IAM speaks it as well, so its
clients get an error that they can read.
"""

from functools import partial
from typing import Final

from starlette.types import Receive, Scope, Send

from wasmfaas.api import query
from wasmfaas.api.answering import answer
from wasmfaas.api.callers import Callers
from wasmfaas.api.messages import raw_path_of
from wasmfaas.api.response import Response
from wasmfaas.auth import roles
from wasmfaas.auth.authenticator import Authenticator
from wasmfaas.auth.principals import Principal
from wasmfaas.errors import RequestEntityTooLarge, WasmfaasError

ACTION: Final = "GetCallerIdentity"
VERSION: Final = "2011-06-15"
NAMESPACE: Final = f"https://sts.amazonaws.com/doc/{VERSION}/"
SERVICE: Final = ("sts",)
_BODY_BYTES_MAX: Final = 64 * 1024
_PARAMETERS_MAX: Final = 100


class Sts:
    """The ASGI application. Lifetime: process."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._callers = Callers(authenticator, SERVICE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, partial(self._respond, scope, receive), _of_error)

    async def _respond(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        return _identity(await self._caller(scope, receive), request_id)

    async def _caller(self, scope: Scope, receive: Receive) -> Principal:
        principal, body = await self._callers.admit(scope, receive, _BODY_BYTES_MAX, _too_large)
        parameters = query.parameters(scope, body, _PARAMETERS_MAX)
        if parameters.get("Action") != ACTION:
            action = str(parameters.get("Action", ""))[:80]
            raise query.InvalidAction(
                f"Could not find operation {action!a} for version "
                f"{parameters.get('Version', VERSION)[:20]!a}: this server knows {ACTION} only."
            )
        roles.check(principal, f"sts:{ACTION}")
        return principal


def _of_error(error: WasmfaasError, request_id: str) -> Response:
    code, status = query.code_of(error)
    return query.error_answer(NAMESPACE, error, code, status, error.message, request_id)


def is_query(scope: Scope) -> bool:
    """Whether a request speaks the query protocol; nothing of Lambda's has the path `/`."""
    if scope["type"] != "http" or raw_path_of(scope) != b"/":
        return False
    if any(name == b"x-amz-target" for name, _ in scope["headers"]):
        return False
    return bool(scope["method"] == "POST" or b"Action=" in scope["query_string"])


def _identity(principal: Principal, request_id: str) -> Response:
    members = {
        "Arn": principal.arn,
        "UserId": principal.user_id,
        "Account": principal.account_id,
    }
    result = "".join(f"<{name}>{query.text_of(text)}</{name}>" for name, text in members.items())
    return query.answer(NAMESPACE, ACTION, result, request_id)


def _too_large() -> WasmfaasError:
    return RequestEntityTooLarge(f"The request has more than {_BODY_BYTES_MAX} bytes, the limit.")
