"""Flask and Starlette behind function URLs, through the adapters that functions find in place."""

import contextlib
import json
import time
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.vendoring import FLASK, STARLETTE, files_of

FLASK_APP = """
from flask import Flask, Response, abort, jsonify, redirect, request, session
from wasmfaas.wsgi import handler_for

app = Flask(__name__)
app.secret_key = "test"

@app.route("/echo", methods=["GET", "POST", "PUT", "DELETE"])
def echo():
    return jsonify(method=request.method, args=request.args.to_dict(flat=False),
                   form=request.form.to_dict(flat=False), length=len(request.get_data()),
                   agent=request.headers.get("User-Agent"), two=request.headers.get("X-Two"),
                   cookies=dict(request.cookies), address=request.remote_addr,
                   url=request.url, id=request.environ["wasmfaas.context"].aws_request_id,
                   version=request.environ["wasmfaas.event"]["version"])

@app.get("/cookies")
def cookies():
    session["name"] = "é"
    response = Response("set", 201)
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    response.headers.add("Link", "<x>; rel=next")
    response.headers.add("Link", "<y>; rel=last")
    return response

@app.get("/session")
def read():
    return session["name"]

@app.post("/mirror")
def mirror():
    return Response(request.get_data(), content_type=request.content_type)

@app.get("/<path:path>/é")
def path(path):
    return f"<p>{path}</p>"

@app.get("/stream")
def stream():
    return Response((f"part {n}\\n" for n in range(3)), mimetype="text/plain")

@app.get("/error")
def error():
    raise KeyError("told to")

@app.get("/away")
def away():
    return redirect("/echo")

def raising(environ, start_response):
    raise ValueError("bare")

lambda_handler = handler_for(app, warm_up="/stream")
streaming = handler_for(app, stream=True)
bare = handler_for(raising)
"""
STARLETTE_APP = """
import asyncio, contextlib
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import (JSONResponse, PlainTextResponse, RedirectResponse, Response,
                                 StreamingResponse)
from starlette.routing import Route
from wasmfaas.asgi import handler_for

@contextlib.asynccontextmanager
async def lifespan(app):
    await asyncio.sleep(0)
    print("started")
    yield {"started": 1}

async def echo(request):
    body = await request.body()
    return JSONResponse({"method": request.method, "args": request.query_params.multi_items(),
                         "length": len(body), "agent": request.headers.get("user-agent"),
                         "two": request.headers.get("x-two"), "cookies": request.cookies,
                         "address": request.client.host, "url": str(request.url),
                         "started": request.state.started,
                         "id": request.scope["wasmfaas.context"].aws_request_id})

def cookies(request):
    response = PlainTextResponse("set", 201)
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response

async def mirror(request):
    return Response(await request.body(), media_type=request.headers["content-type"])

async def stream(request):
    async def parts():
        for n in range(3):
            yield f"part {n}\\n"
            await asyncio.sleep(0)
    return StreamingResponse(parts(), media_type="text/plain")

async def error(request):
    raise KeyError("told to")

async def background(request):
    return PlainTextResponse("answered", background=BackgroundTask(print, "afterwards"))

async def both(request):
    return PlainTextResponse("-".join(await asyncio.gather(part("a"), part("b"))))

async def part(name):
    await asyncio.sleep(0.01)
    return name

class Marking(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-marked"] = "yes"
        return response

app = Starlette(
    lifespan=lifespan,
    middleware=[Middleware(Marking), Middleware(GZipMiddleware, minimum_size=5000)],
    routes=[Route("/echo", echo, methods=["GET", "POST"]), Route("/cookies", cookies),
            Route("/mirror", mirror, methods=["POST"]), Route("/stream", stream),
            Route("/error", error), Route("/background", background), Route("/both", both),
            Route("/away", lambda request: RedirectResponse("/echo"))],
)

async def mute(scope, receive, send):
    pass

lambda_handler = handler_for(app, warm_up="/stream")
streaming = handler_for(app, stream=True)
bare = handler_for(mute)
"""
APPS = {
    "flask": (FLASK_APP, FLASK),
    "starlette": (STARLETTE_APP, STARLETTE),
}
Functions = dict[str, str]


@pytest.fixture(scope="module", params=list(APPS))
def functions(request: pytest.FixtureRequest, server: Server) -> Functions:
    """The names of functions with a URL each, of one framework, by handler."""
    source, packages = APPS[request.param]
    files: dict[str, str | bytes] = {"app.py": source, **files_of(*packages)}
    names = {}
    for handler in ("lambda_handler", "streaming", "bare"):
        name = f"{request.param}-{handler.replace('_', '-')}"
        server.deploy(name, files, Handler=f"app.{handler}", MemorySize=256, Timeout=30)
        names[handler] = name
        _await_start(server, name)
    with contextlib.closing(server.lambda_client()) as client:
        client.update_function_url_config(
            FunctionName=names["streaming"], InvokeMode="RESPONSE_STREAM"
        )
    return names


def _await_start(server: Server, name: str) -> None:
    """Until it is kept how the function is after its start-up: before that, sandboxes start at
    once, which takes long on a busy machine, and may take too long."""
    deadline, in_a_row = time.monotonic() + 200, 0
    while in_a_row < 4:
        assert time.monotonic() < deadline, name
        in_a_row = 0 if call(server, name, "/nowhere").status_code == 502 else in_a_row + 1


def call(
    server: Server, name: str, path: str, method: str = "GET", **arguments: Any
) -> httpx.Response:
    return server.http.request(method, f"/f/{name}{path}", **arguments)


@pytest.mark.parametrize("handler", ["lambda_handler", "streaming"])
def test_requests_arrive_and_answers_leave_as_they_are(
    server: Server, functions: Functions, handler: str
) -> None:
    name = functions[handler]
    response = call(
        server, name, "/echo?x=1&y=a+b&x=%C3%A9", "POST", content=b"\x00\xff" * 500,
        headers=[("X-Two", "a"), ("X-Two", "b"), ("Cookie", "s=1; t=2"), ("User-Agent", "me/1"),
                 ("Content-Type", "application/octet-stream")],
    )  # fmt: skip
    assert response.status_code == 200, response.text
    seen = response.json()
    assert (seen["method"], seen["length"], seen["agent"]) == ("POST", 1000, "me/1")
    assert seen["args"] in (
        {"x": ["1", "é"], "y": ["a b"]},
        [["x", "1"], ["y", "a b"], ["x", "é"]],
    )
    assert seen["cookies"] == {"s": "1", "t": "2"}
    assert (seen["two"], seen["address"]) == ("a,b", "127.0.0.1")
    assert seen["url"].startswith(server.url + "/echo?x=1")
    assert seen["id"] == response.headers["x-amzn-requestid"]
    octets = bytes(range(256)) * 40
    mirrored = call(
        server, name, "/mirror", "POST", content=octets, headers={"Content-Type": "image/png"}
    )
    assert mirrored.content == octets
    assert mirrored.headers["content-type"].startswith("image/png")


@pytest.mark.parametrize("handler", ["lambda_handler", "streaming"])
def test_status_cookies_redirects_streams_and_errors(
    server: Server, functions: Functions, handler: str
) -> None:
    name = functions[handler]
    cookies = call(server, name, "/cookies")
    assert (cookies.status_code, cookies.text) == (201, "set")
    values = [value.split(";")[0] for value in cookies.headers.get_list("set-cookie")]
    assert {"a=1", "b=2"} <= set(values)
    away = call(server, name, "/away")
    assert (away.status_code // 100, away.headers["location"]) == (3, "/echo")
    assert call(server, name, "/nowhere").status_code == 404
    assert call(server, name, "/mirror").status_code == 405
    streamed = call(server, name, "/stream")
    assert streamed.text == "part 0\npart 1\npart 2\n"
    assert streamed.headers["content-type"] == "text/plain; charset=utf-8"
    assert call(server, name, "/stream", "HEAD").content == b""
    failed = call(server, name, "/error")
    assert failed.status_code == 500
    logs = json.dumps(server.http.get(f"/_wasmfaas/v1/functions/{name}/logs").json())
    assert "KeyError: 'told to'" in logs


def test_an_application_that_breaks_the_rules_is_an_error_of_its_own(
    server: Server, functions: Functions
) -> None:
    failed = call(server, functions["bare"], "/")
    assert (failed.status_code, failed.text) == (500, "Internal Server Error")
    logs = json.dumps(server.http.get(f"/_wasmfaas/v1/functions/{functions['bare']}/logs").json())
    assert "application raised an exception" in logs
    payload, response = server.invoke(functions["bare"], {"not": "http"})
    assert response["FunctionError"] == "Unhandled"
    assert "not an HTTP request" in payload["errorMessage"]


def test_flask_keeps_sessions_and_decodes_paths(server: Server, functions: Functions) -> None:
    if not functions["bare"].startswith("flask"):
        pytest.skip("about Flask")
    name = functions["lambda_handler"]
    first = call(server, name, "/cookies")
    assert first.headers["link"] == "<x>; rel=next, <y>; rel=last"
    session = dict(first.cookies)["session"]
    assert call(server, name, "/session", headers={"Cookie": f"session={session}"}).text == "é"
    assert call(server, name, "/a%20b/c/%C3%A9").text == "<p>a b/c</p>"
    form = call(server, name, "/echo", "POST", data={"k": ["v", "ü"]}).json()
    assert form["form"] == {"k": ["v", "ü"]}


def test_starlette_starts_once_and_works_in_the_background(
    server: Server, functions: Functions
) -> None:
    if not functions["bare"].startswith("starlette"):
        pytest.skip("about Starlette")
    name = functions["lambda_handler"]
    assert call(server, name, "/echo").json()["started"] == 1
    assert call(server, name, "/echo").headers["x-marked"] == "yes"
    assert call(server, name, "/both").text == "a-b"
    assert call(server, name, "/background").text == "answered"
    logs = json.dumps(server.http.get(f"/_wasmfaas/v1/functions/{name}/logs").json())
    assert "afterwards" in logs
