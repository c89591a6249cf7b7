"""The server as commands see it: the Lambda API for functions, and our own routes."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wasmfaas.cli.failures import Refused
from wasmfaas.cli.requests import MANAGEMENT, Document, Requests

_FUNCTIONS = "/2015-03-31/functions"
_LAYERS = "/2018-10-31/layers"
_CONFLICT = 409
_CONNECT_S = 5.0
#: The longest Timeout, the longest wait for a worker, and some.
_INVOCATION_S = 900.0 + 120.0 + 60.0
#: Of a server that does not say.
REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What came back from Invoke."""

    status: int
    payload: bytes
    function_error: str | None
    executed_version: str | None
    request_id: str | None
    #: The last 4 KB of the log.
    log_tail: str


class Client(Requests):
    """One server, by what can be asked of it. Lives as long as one command."""

    def health(self) -> Document:
        return self._management("GET", "/health")

    def functions(self) -> Iterator[Document]:
        """The configuration of every function, by name. As on Lambda, without its state."""
        yield from self._listed(f"{_FUNCTIONS}/", "Functions")

    def function(self, name: str) -> Document | None:
        """GetFunction; None where there is no such function."""
        return self._or_none("GET", _function(name))

    def configuration(self, name: str) -> Document:
        return self._json("GET", _function(name, "/configuration"))

    def create(self, name: str, members: Mapping[str, Any], package: bytes) -> Document:
        body = {"FunctionName": name, **members, "Code": {"ZipFile": _text64(package)}}
        return self._json("POST", _FUNCTIONS, json=body)

    def update_code(self, name: str, package: bytes) -> Document:
        return self._json("PUT", _function(name, "/code"), json={"ZipFile": _text64(package)})

    def update_configuration(self, name: str, members: Mapping[str, Any]) -> Document:
        return self._json("PUT", _function(name, "/configuration"), json=dict(members))

    def delete(self, name: str) -> None:
        self._answer("DELETE", _function(name))

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        self._answer("POST", f"/2017-03-31/tags/{quote(arn, safe='')}", json={"Tags": dict(tags)})

    def untag(self, arn: str, keys: list[str]) -> None:
        self._answer("DELETE", f"/2017-03-31/tags/{quote(arn, safe='')}", params={"tagKeys": keys})

    def url_configuration(self, name: str) -> Document | None:
        return self._or_none("GET", f"/2021-10-31/functions/{quote(name, safe='')}/url")

    def create_url(self, name: str) -> Document:
        """Give the function a URL that anyone who reaches the server may call."""
        path = f"/2021-10-31/functions/{quote(name, safe='')}/url"
        return self._json("POST", path, json={"AuthType": "NONE"})

    def open_url(self, name: str) -> None:
        """Permit everybody to call the function's URL of AuthType NONE; does nothing where that is
        permitted already."""
        members = {
            "StatementId": "FunctionURLAllowPublicAccess",
            "Action": "lambda:InvokeFunctionUrl",
            "Principal": "*",
            "FunctionUrlAuthType": "NONE",
        }
        try:
            self._answer("POST", _function(name, "/policy"), json=members)
        except Refused as refused:
            if refused.http_status != _CONFLICT:
                raise

    def invoke(self, name: str, event: bytes, client_context: str | None) -> Invocation:
        """Invoke and wait for the answer. *client_context* is JSON text."""
        headers = {"X-Amz-Log-Type": "Tail", "Content-Type": "application/json"}
        if client_context is not None:
            headers["X-Amz-Client-Context"] = _text64(client_context.encode())
        path = _function(name, "/invocations")
        answer = self._answer("POST", path, content=event, headers=headers, timeout=_INVOCATION_S)
        tail = base64.b64decode(answer.headers.get("x-amz-log-result", ""))
        return Invocation(
            status=answer.status_code,
            payload=answer.content,
            function_error=answer.headers.get("x-amz-function-error"),
            executed_version=answer.headers.get("x-amz-executed-version"),
            request_id=answer.headers.get("x-amzn-requestid"),
            log_tail=tail.decode(errors="replace"),
        )

    def details(self, name: str) -> Document:
        """What Lambda's API does not tell about a function."""
        return self._management("GET", f"/functions/{quote(name, safe='')}")

    def permissions(self, name: str) -> Document:
        """What the function may ask the server for."""
        return self._management("GET", f"/functions/{quote(name, safe='')}/permissions")

    def permit(self, name: str, permissions: Mapping[str, Any]) -> Document:
        """Let it ask for that, and for nothing else."""
        path = f"/functions/{quote(name, safe='')}/permissions"
        return self._management("PUT", path, json=dict(permissions))

    def logs(self, name: str, *, limit: int, after: int | None = None) -> list[Document]:
        """At most *limit* entries, oldest first: those beyond *after*, or the newest ones."""
        query = {"limit": str(limit)} | ({} if after is None else {"after": str(after)})
        path = f"/functions/{quote(name, safe='')}/logs"
        entries: list[Document] = self._management("GET", path, params=query)["entries"]
        return entries

    def follow(self, name: str, *, after: int | None) -> Iterator[Document]:
        """Every entry beyond *after*, or from now on, as it is written; until the server ends it
        or the connection breaks."""
        import httpx

        query = {} if after is None else {"after": str(after)}
        path = f"{MANAGEMENT}/functions/{quote(name, safe='')}/logs/follow"
        timeout = httpx.Timeout(_CONNECT_S, read=None)
        with (
            self._failures(),
            self._http.stream("GET", path, params=query, timeout=timeout) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise self._refused(answer)
            for line in answer.iter_lines():
                if line.strip():
                    yield json.loads(line)

    def usage(self, by: str, since_ms: int | None, until_ms: int | None) -> Document:
        query = {"by": by}
        query |= {} if since_ms is None else {"since": str(since_ms)}
        query |= {} if until_ms is None else {"until": str(until_ms)}
        return self._management("GET", "/usage", params=query)

    def figures(self) -> Document:
        """What runs, and what ran in the last seconds."""
        return self._management("GET", "/figures")

    def publish_layer(self, name: str, members: Mapping[str, Any], package: bytes) -> Document:
        body = {**members, "Content": {"ZipFile": _text64(package)}}
        return self._json("POST", _layer(name), json=body)

    def layers(self) -> Iterator[Document]:
        """The newest version of every layer, by name."""
        for layer in self._listed(_LAYERS, "Layers"):
            yield layer["LatestMatchingVersion"]

    def layer_versions(self, name: str) -> Iterator[Document]:
        """The versions of a layer, newest first."""
        yield from self._listed(_layer(name), "LayerVersions")

    def delete_layer(self, name: str, number: int) -> None:
        self._answer("DELETE", f"{_layer(name)}/{number}")

    def region(self) -> str:
        """The region that requests have to be signed for."""
        return str(self.health().get("region", REGION))

    def create_key(self, name: str, role: str, functions: list[str]) -> Document:
        """The new key, with its secret."""
        members = {"name": name, "role": role, "functions": functions}
        return self._management("POST", "/keys", json=members)

    def keys(self) -> Document:
        return self._management("GET", "/keys")

    def revoke_key(self, key: str) -> Document:
        return self._management("DELETE", f"/keys/{quote(key, safe='')}")

    def set_secret(self, name: str, value: bytes) -> Document:
        return self._management("PUT", f"/secrets/{quote(name, safe='')}", content=value)

    def secrets(self) -> Document:
        """Names, and when they were set."""
        return self._management("GET", "/secrets")

    def delete_secret(self, name: str) -> Document:
        return self._management("DELETE", f"/secrets/{quote(name, safe='')}")

    def events(self, function: str | None) -> Document:
        """How many events there are, by function and state."""
        query = {} if function is None else {"function": function}
        return self._management("GET", "/events", params=query)

    def event(self, event_id: str) -> Document:
        """One event, and its attempts."""
        return self._management("GET", f"/events/{quote(event_id, safe='')}")

    def dead_letters(self, function: str | None, after: str | None) -> Document:
        """A page of dead letters; `next` is what to ask for the one *after*, or None."""
        query = {} if function is None else {"function": function}
        query |= {} if after is None else {"after": after}
        return self._management("GET", "/dead-letters", params=query)

    def dead_letter(self, event_id: str) -> Document:
        return self._management("GET", f"/dead-letters/{quote(event_id, safe='')}")

    def redrive(self, chosen: Document) -> Document:
        """Enqueue anew the dead letters of a `function`, the one with an `id`, or all."""
        return self._management("POST", "/dead-letters/redrive", json=chosen)

    def purge(self, chosen: Document) -> Document:
        """Delete them, likewise."""
        return self._management("POST", "/dead-letters/purge", json=chosen)


def _function(name: str, rest: str = "") -> str:
    return f"{_FUNCTIONS}/{quote(name, safe='')}{rest}"


def _layer(name: str) -> str:
    return f"{_LAYERS}/{quote(name, safe='')}/versions"


def _text64(data: bytes) -> str:
    return base64.b64encode(data).decode()
