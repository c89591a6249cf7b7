"""AWS's query protocol: parameters in a form, answers in XML. STS speaks it, IAM, and SQS for older
SDKs."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from starlette.types import Scope

from wasmfaas.api.response import Response
from wasmfaas.errors import (
    IncompleteSignature,
    InvalidSignature,
    MissingAuthentication,
    NotAuthenticated,
    UnrecognizedClient,
    WasmfaasError,
)

FORM_TYPE: Final = "application/x-www-form-urlencoded"
#: What the query protocol calls errors of signatures, with their HTTP status.
_CODES: Final[Mapping[type[NotAuthenticated], tuple[str, int]]] = {
    MissingAuthentication: ("MissingAuthenticationToken", 403),
    IncompleteSignature: ("IncompleteSignature", 400),
    InvalidSignature: ("SignatureDoesNotMatch", 403),
    UnrecognizedClient: ("InvalidClientTokenId", 403),
}
#: No characters in XML 1.0.
_FOREIGN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class InvalidAction(WasmfaasError):
    """The parameter Action names no operation."""

    code = "InvalidAction"
    status = 400


def parameters(scope: Scope, body: bytes | bytearray, fields_max: int) -> dict[str, str]:
    """The parameters of a request, of its query and of its *body*; none where they are more than
    *fields_max*."""
    return _fields(scope["query_string"], fields_max) | _fields(bytes(body), fields_max)


def text_of(value: str) -> str:
    """*value* as the text of an element."""
    # A parser reads a bare CR as LF.
    return escape(_FOREIGN.sub("?", value), {"\r": "&#13;"})


def answer(namespace: str, action: str, result: str, request_id: str) -> Response:
    """The answer to *action*; *result* is the XML of the result's members, and may be empty."""
    inner = f"<{action}Result>{result}</{action}Result>" if result else ""
    return xml(
        200,
        f'<{action}Response xmlns="{namespace}">{inner}<ResponseMetadata><RequestId>{request_id}'
        f"</RequestId></ResponseMetadata></{action}Response>",
    )


def code_of(error: WasmfaasError) -> tuple[str, int]:
    """What this protocol calls *error*, and its HTTP status."""
    if isinstance(error, NotAuthenticated):
        return _CODES[type(error)]
    return error.code.removesuffix("Exception"), error.status


def error_answer(
    namespace: str, error: WasmfaasError, code: str, status: int, message: str, request_id: str
) -> Response:
    """The answer that tells *error* as *code* and *message*."""
    fault = "Sender" if status < 500 else "Receiver"
    return xml(
        status,
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{fault}</Type><Code>{code}</Code>'
        f"<Message>{text_of(message)}</Message><Detail/></Error><RequestId>{request_id}"
        "</RequestId></ErrorResponse>",
        error.headers(),
    )


def xml(status: int, text: str, headers: Mapping[str, Any] | None = None) -> Response:
    """A response of *text*."""
    fields = {name.lower(): str(value) for name, value in (headers or {}).items()}
    body = f'<?xml version="1.0"?>\n{text}\n'.encode()
    return Response(status, {"content-type": "text/xml", **fields}, body)


def _fields(text: bytes, fields_max: int) -> dict[str, str]:
    try:
        return dict(
            parse_qsl(
                text.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=fields_max
            )
        )
    except ValueError:
        return {}
