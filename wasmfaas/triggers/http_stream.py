"""Function URLs with InvokeMode RESPONSE_STREAM: the answer is sent as it comes."""

from collections.abc import AsyncIterator
from dataclasses import replace

from starlette.types import Send

from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.streams import ResponseStream
from wasmfaas.triggers import http_response
from wasmfaas.triggers.http_response import WITHOUT_BODY, MalformedAnswer, Response


class _Broken(Exception):
    """The answer ended before its end."""


async def opened(stream: ResponseStream) -> Response:
    """The response to an invocation whose answer begins now, or has come whole.

    Raises WasmfaasError where there is none.
    """
    response = None
    try:
        first = await stream.read()
        if first is None:
            assert stream.outcome is not None, "it has ended"
            return http_response.answer(stream.outcome)
        response = replace(http_response.parted(first), rest=_rest(stream))
        return response
    except MalformedAnswer as error:
        return http_response.malformed(error)
    finally:
        if response is None:
            stream.close()


async def _rest(stream: ResponseStream) -> AsyncIterator[bytes]:
    try:
        while (chunk := await stream.read()) is not None:
            yield chunk
    except WasmfaasError:
        raise _Broken from None
    finally:
        stream.close()
    outcome = stream.outcome
    assert outcome is not None, "it has ended"
    if outcome.error_type is not None:
        raise _Broken
    if outcome.payload:
        yield outcome.payload


async def send(response: Response, request_id: str, send: Send) -> None:
    """Send *response*, whose rest is still to come. Where that breaks off, so does this, and the
    connection is closed without the end of the body: there is no other way left to tell."""
    assert response.rest is not None, "it comes in parts"
    headers = [*response.headers, (b"x-amzn-requestid", request_id.encode())]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    has_body = response.status not in WITHOUT_BODY
    if has_body and response.body:
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
    try:
        async for chunk in response.rest:
            if has_body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except _Broken:
        return
    await send({"type": "http.response.body", "body": b""})
