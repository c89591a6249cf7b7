"""The one operation of STS that tools of AWS ask for before all others: GetCallerIdentity.

STS speaks AWS's query protocol: parameters in a form, answers in XML. IAM speaks it as well, so its
clients get an error that they can read.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from starlette.types import Receive, Scope, Send

from wasmfaas.api import bodies
from wasmfaas.api.callers import Callers
from wasmfaas.api.messages import raw_path_of, send_response
from wasmfaas.api.response import Response
from wasmfaas.auth import roles
from wasmfaas.auth.authenticator import Authenticator
from wasmfaas.auth.principals import Principal
from wasmfaas.errors import (
    IncompleteSignature,
    InvalidSignature,
    MissingAuthentication,
    NotAuthenticated,
    RequestEntityTooLarge,
    UnrecognizedClient,
    WasmfaasError,
)

ACTION = "GetCallerIdentity"
VERSION = "2011-06-15"
NAMESPACE = f"https://sts.amazonaws.com/doc/{VERSION}/"
SERVICE = ("sts",)
_BODY_BYTES_MAX = 64 * 1024
_PARAMETERS_MAX = 100
#: What the query protocol calls errors of signatures, with their HTTP status.
_CODES: Final[Mapping[type[NotAuthenticated], tuple[str, int]]] = {
    MissingAuthentication: ("MissingAuthenticationToken", 403),
    IncompleteSignature: ("IncompleteSignature", 400),
    InvalidSignature: ("SignatureDoesNotMatch", 403),
    UnrecognizedClient: ("InvalidClientTokenId", 403),
}


class _InvalidAction(WasmfaasError):
    code = "InvalidAction"
    status = 400


class Sts:
    """The ASGI application. Lifetime: process."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._callers = Callers(authenticator, SERVICE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        try:
            response = _identity(await self._caller(scope, receive), request_id)
        except bodies.ClientDisconnected:
            return
        except WasmfaasError as error:
            response = _of_error(error, request_id)
        await send_response(send, response, {"x-amzn-requestid": request_id})

    async def _caller(self, scope: Scope, receive: Receive) -> Principal:
        principal, body = await self._callers.admit(scope, receive, _BODY_BYTES_MAX, _too_large)
        parameters = _parameters(scope["query_string"]) | _parameters(bytes(body))
        if parameters.get("Action") != ACTION:
            action = str(parameters.get("Action", ""))[:80]
            raise _InvalidAction(
                f"Could not find operation {action!a} for version "
                f"{parameters.get('Version', VERSION)[:20]!a}: this server knows {ACTION} only."
            )
        roles.check(principal, f"sts:{ACTION}")
        return principal


def is_query(scope: Scope) -> bool:
    """Whether a request speaks the query protocol; nothing of Lambda's has the path `/`."""
    if scope["type"] != "http" or raw_path_of(scope) != b"/":
        return False
    if any(name == b"x-amz-target" for name, _ in scope["headers"]):
        return False
    return bool(scope["method"] == "POST" or b"Action=" in scope["query_string"])


def _parameters(text: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(text.decode("ascii", "replace"), max_num_fields=_PARAMETERS_MAX))
    except ValueError:
        return {}


def _identity(principal: Principal, request_id: str) -> Response:
    members = f"""\
    <Arn>{escape(principal.arn)}</Arn>
    <UserId>{escape(principal.user_id)}</UserId>
    <Account>{escape(principal.account_id)}</Account>"""
    return _xml(
        200,
        f"""\
<{ACTION}Response xmlns="{NAMESPACE}">
  <{ACTION}Result>
{members}
  </{ACTION}Result>
  <ResponseMetadata>
    <RequestId>{request_id}</RequestId>
  </ResponseMetadata>
</{ACTION}Response>
""",
    )


def _of_error(error: WasmfaasError, request_id: str) -> Response:
    code, status = error.code.removesuffix("Exception"), error.status
    if isinstance(error, NotAuthenticated):
        code, status = _CODES[type(error)]
    fault = "Sender" if status < 500 else "Receiver"
    return _xml(
        status,
        f"""\
<ErrorResponse xmlns="{NAMESPACE}">
  <Error>
    <Type>{fault}</Type>
    <Code>{code}</Code>
    <Message>{escape(error.message)}</Message>
  </Error>
  <RequestId>{request_id}</RequestId>
</ErrorResponse>
""",
        error.headers(),
    )


def _xml(status: int, text: str, headers: Mapping[str, Any] | None = None) -> Response:
    fields = {name.lower(): str(value) for name, value in (headers or {}).items()}
    return Response(status, {"content-type": "text/xml", **fields}, text.encode())


def _too_large() -> WasmfaasError:
    return RequestEntityTooLarge(f"The request has more than {_BODY_BYTES_MAX} bytes, the limit.")
