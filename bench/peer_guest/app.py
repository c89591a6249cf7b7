"""The hello of `examples/hello-python` behind wasi:http, for `wasmtime serve`."""

import json
import types
from urllib.parse import parse_qsl, urlsplit

import hello
from componentize_py_types import Ok
from wit_world import exports
from wit_world.imports.types import Fields, OutgoingBody, OutgoingResponse, ResponseOutparam


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request, response_out):
        parts = urlsplit(request.path_with_query() or "/")
        event = {"rawPath": parts.path, "queryStringParameters": dict(parse_qsl(parts.query))}
        context = types.SimpleNamespace(aws_request_id="none")
        body = json.dumps(hello.lambda_handler(event, context)).encode()
        headers = [
            ("content-type", b"application/json"),
            ("content-length", str(len(body)).encode()),
        ]
        response = OutgoingResponse(Fields.from_list(headers))
        outgoing = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        with outgoing.write() as stream:
            stream.blocking_write_and_flush(body)
        OutgoingBody.finish(outgoing, None)
