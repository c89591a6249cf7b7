"""How a service that speaks one of AWS's protocols ends a request: with one answer, whatever
happened."""

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping

from starlette.types import Send

from wasmfaas.api import bodies
from wasmfaas.api.messages import send_response
from wasmfaas.api.response import Response
from wasmfaas.errors import ServiceFailure, WasmfaasError

_log = logging.getLogger(__name__)

_NO_HEADERS: Mapping[str, str] = {}


async def answer(
    send: Send,
    respond: Callable[[str], Awaitable[Response]],
    of_error: Callable[[WasmfaasError, str], Response],
    headers: Mapping[str, str] = _NO_HEADERS,
) -> None:
    """Send what *respond* makes of the request's id, or what *of_error* makes of its error and the
    id; with *headers*, and the id as `x-amzn-requestid`. A client that went is sent nothing."""
    request_id = str(uuid.uuid4())
    try:
        response = await respond(request_id)
    except bodies.ClientDisconnected:
        return
    except WasmfaasError as error:
        response = of_error(error, request_id)
    except Exception:
        _log.exception("request %s failed", request_id)
        failure = f"The request failed inside the server; its log has {request_id}."
        response = of_error(ServiceFailure(failure), request_id)
    await send_response(send, response, {"x-amzn-requestid": request_id, **headers})
