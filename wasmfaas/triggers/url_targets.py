"""Which function a function URL stands for.

Lambda's function URLs are `https://URLID.lambda-url.REGION.on.aws/`. Ours end in `.localhost`,
which is this machine by definition; for clients that don't resolve such names, the same function
answers under `/f/NAME/`.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from starlette.types import Scope

from wasmfaas.errors import AccessDenied, ResourceNotFound
from wasmfaas.models import Function
from wasmfaas.policy import Policy, url_request
from wasmfaas.triggers import http_event
from wasmfaas.triggers.cors import Cors

PATH_PREFIX = "/f/"
_HOST_MARK = ".lambda-url."
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)
_REMEMBERED_MAX = 4096


class Functions(Protocol):
    """Where functions are looked up; both raise ResourceNotFound."""

    async def get(self, name: str) -> Function: ...

    async def by_url_id(self, url_id: str) -> Function: ...


class Policies(Protocol):
    """Where it is looked up who may use a function."""

    async def policy(self, name: str, qualifier: str = "") -> Policy | None: ...


@dataclass(frozen=True, slots=True)
class UrlTarget:
    """A function URL, as far as serving it needs. Lives until its function changes."""

    name: str
    arn: str
    url_id: str
    domain: str
    auth_type: str
    #: Whether anybody may call it: the policy has said so when it was looked up.
    is_open: bool
    policy: Policy | None
    cors: Cors | None


class UrlTargets:
    """Finds and remembers function URLs; lives as long as the server.

    `forget` has to be called when a function changes, or its policy.
    """

    def __init__(
        self, functions: Functions, policies: Policies, arn: Callable[[str], str], region: str
    ) -> None:
        self._functions = functions
        self._policies = policies
        self._arn = arn
        self._domain = f"lambda-url.{region.lower()}.localhost"
        self._host = re.compile(rf"([a-z0-9]{{32}})\.{re.escape(self._domain)}(?::\d+)?", re.ASCII)
        self._by_name: dict[str, UrlTarget] = {}
        self._names: dict[str, str] = {}
        self._changes = 0

    def forget(self, name: str) -> None:
        """Look *name* up again when it is called next."""
        self._changes += 1
        target = self._by_name.pop(name, None)
        if target is not None:
            self._names.pop(target.url_id, None)

    async def find(self, scope: Scope) -> tuple[UrlTarget, str]:
        """The function URL that is called, and the path that its function sees.

        Raises ResourceNotFound for a name, AccessDenied, as Lambda does, for a host.
        """
        host, path = _host(scope), http_event.raw_path(scope)
        if _HOST_MARK in host:
            return await self._of_host(host), path
        name, slash, rest = path.removeprefix(PATH_PREFIX).partition("/")
        return await self._of_name(unquote(name)), f"{slash}{rest}" or "/"

    async def _of_name(self, name: str) -> UrlTarget:
        target = self._by_name.get(name)
        if target is None:
            if not _NAME.fullmatch(name):
                raise ResourceNotFound(f"Function not found: {name[:80]!a} is not a name.")
            changes = self._changes
            target = await self._found(await self._functions.get(name), changes)
        return target

    async def _of_host(self, host: str) -> UrlTarget:
        match = self._host.fullmatch(host)
        if match is not None:
            target = self._by_name.get(self._names.get(match[1], ""))
            if target is not None:
                return target
            with contextlib.suppress(ResourceNotFound):
                changes = self._changes
                return await self._found(await self._functions.by_url_id(match[1]), changes)
        raise AccessDenied(
            f"No function URL has the host {host[:120]!a}. Function URLs here are "
            f"http://URLID.{self._domain}, with the URLID that GetFunctionUrlConfig shows."
        )

    async def _found(self, function: Function, changes: int) -> UrlTarget:
        """The function URL of *function*, which was looked up after that many *changes*."""
        configuration = function.url_configuration
        if function.url_id is None or configuration is None:
            raise ResourceNotFound(
                f"Function {function.name} has no function URL. Create one with "
                "CreateFunctionUrlConfig, or deploy it with `wasmfaas deploy`."
            )
        arn, auth_type = self._arn(function.name), str(configuration.get("AuthType"))
        policy = await self._policies.policy(function.name)
        target = UrlTarget(
            name=function.name,
            arn=arn,
            url_id=function.url_id,
            domain=f"{function.url_id}.{self._domain}",
            auth_type=auth_type,
            is_open=auth_type == "NONE"
            and policy is not None
            and policy.allows(url_request(arn, auth_type)),
            policy=policy,
            cors=Cors.configured(configuration.get("Cors")),
        )
        # What changed while it was looked up may be old already.
        if changes == self._changes:
            if len(self._by_name) >= _REMEMBERED_MAX:
                self._by_name.clear()
                self._names.clear()
            self._by_name[target.name] = target
            self._names[target.url_id] = target.name
        return target


def is_function_url(scope: Scope) -> bool:
    """Whether a request is for a function URL, existing or not."""
    return _HOST_MARK in _host(scope) or http_event.raw_path(scope).startswith(PATH_PREFIX)


def _host(scope: Scope) -> str:
    return (http_event.header(scope, b"host") or "").lower()
