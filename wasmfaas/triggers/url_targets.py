"""Which function a function URL stands for.

Lambda's function URLs are `https://URLID.lambda-url.REGION.on.aws/`. Ours end in `.localhost`,
which is this machine by definition; for clients that don't resolve such names, the same function
answers under `/f/NAME/`, and an alias under `/f/NAME:ALIAS/`.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from starlette.types import Scope

from wasmfaas.errors import AccessDenied, ResourceNotFound
from wasmfaas.models import FunctionUrl
from wasmfaas.policy import Policy, url_request
from wasmfaas.triggers import http_event
from wasmfaas.triggers.cors import Cors

PATH_PREFIX = "/f/"
_HOST_MARK = ".lambda-url."
_LABEL = re.compile(r"([a-zA-Z0-9_-]{1,64})(?::([a-zA-Z0-9_-]{1,128}))?", re.ASCII)
_REMEMBERED_MAX = 4096


class Urls(Protocol):
    """Where function URLs are looked up."""

    async def find(self, name: str, qualifier: str | None = None) -> FunctionUrl | None:
        """Raises ResourceNotFound for a function that does not exist."""
        ...

    async def by_id(self, url_id: str) -> FunctionUrl:
        """Raises ResourceNotFound."""
        ...


class Policies(Protocol):
    """Where it is looked up who may use a function."""

    async def policy(self, name: str, qualifier: str = "") -> Policy | None: ...


@dataclass(frozen=True, slots=True)
class UrlTarget:
    """A function URL, as far as serving it needs. Lives until its function changes."""

    name: str
    #: The alias that it calls; None for `$LATEST`.
    qualifier: str | None
    #: Of the function, or of its alias.
    arn: str
    url_id: str
    domain: str
    auth_type: str
    #: Whether anybody may call it: the policy has said so when it was looked up.
    is_open: bool
    policy: Policy | None
    cors: Cors | None
    #: Whether the answer is sent as it comes.
    streams: bool = False


class UrlTargets:
    """Finds and remembers function URLs; lives as long as the server.

    `forget` has to be called when a function changes, or its policy.
    """

    def __init__(
        self, urls: Urls, policies: Policies, arn: Callable[[str], str], region: str
    ) -> None:
        self._urls = urls
        self._policies = policies
        self._arn = arn
        self._domain = f"lambda-url.{region.lower()}.localhost"
        self._host = re.compile(rf"([a-z0-9]{{32}})\.{re.escape(self._domain)}(?::\d+)?", re.ASCII)
        #: By `NAME` or `NAME:ALIAS`; by id; and all of a function, by its name.
        self._by_label: dict[str, UrlTarget] = {}
        self._by_id: dict[str, UrlTarget] = {}
        self._of_function: dict[str, list[UrlTarget]] = {}
        self._changes = 0

    def forget(self, name: str) -> None:
        """Look *name* up again when it is called next."""
        self._changes += 1
        for target in self._of_function.pop(name, ()):
            self._by_label.pop(_label(target.name, target.qualifier), None)
            self._by_id.pop(target.url_id, None)

    def known(self, host: str, path: str) -> tuple[UrlTarget, str] | None:
        """As `find`, of what has been found before: the *host* in lower case, the *path* as sent;
        None where it has not, or is no function URL."""
        if _HOST_MARK in host:
            match = self._host.fullmatch(host)
            target = None if match is None else self._by_id.get(match[1])
            return None if target is None else (target, path)
        if not path.startswith(PATH_PREFIX):
            return None
        label, slash, rest = path[len(PATH_PREFIX) :].partition("/")
        target = self._by_label.get(label)
        return None if target is None else (target, f"{slash}{rest}" or "/")

    async def find(self, scope: Scope) -> tuple[UrlTarget, str]:
        """The function URL that is called, and the path that its function sees.

        Raises ResourceNotFound for a name, AccessDenied, as Lambda does, for a host.
        """
        host, path = _host(scope), http_event.raw_path(scope)
        if _HOST_MARK in host:
            return await self._of_host(host), path
        label, slash, rest = path.removeprefix(PATH_PREFIX).partition("/")
        return await self._of_label(unquote(label)), f"{slash}{rest}" or "/"

    async def _of_label(self, label: str) -> UrlTarget:
        target = self._by_label.get(label)
        if target is None:
            match = _LABEL.fullmatch(label)
            if match is None:
                raise ResourceNotFound(f"Function not found: {label[:80]!a} is not a name.")
            changes = self._changes
            url = await self._urls.find(match[1], match[2])
            if url is None:
                raise ResourceNotFound(
                    f"Function {label} has no function URL. Create one with "
                    "CreateFunctionUrlConfig, or deploy it with `wasmfaas deploy`."
                )
            target = await self._found(url, changes)
        return target

    async def _of_host(self, host: str) -> UrlTarget:
        match = self._host.fullmatch(host)
        if match is not None:
            target = self._by_id.get(match[1])
            if target is not None:
                return target
            with contextlib.suppress(ResourceNotFound):
                changes = self._changes
                return await self._found(await self._urls.by_id(match[1]), changes)
        raise AccessDenied(
            f"No function URL has the host {host[:120]!a}. Function URLs here are "
            f"http://URLID.{self._domain}, with the URLID that GetFunctionUrlConfig shows."
        )

    async def _found(self, url: FunctionUrl, changes: int) -> UrlTarget:
        """*url*, which was looked up after that many *changes*, with its policy."""
        name, configuration = url.function_name, url.configuration
        arn, auth_type = _label(self._arn(name), url.qualifier), str(configuration.get("AuthType"))
        policy = await self._policies.policy(name, url.qualifier or "")
        target = UrlTarget(
            name=name,
            qualifier=url.qualifier,
            arn=arn,
            url_id=url.id,
            domain=f"{url.id}.{self._domain}",
            auth_type=auth_type,
            is_open=auth_type == "NONE"
            and policy is not None
            and policy.allows(url_request(arn, auth_type)),
            policy=policy,
            cors=Cors.configured(configuration.get("Cors")),
            streams=configuration.get("InvokeMode") == "RESPONSE_STREAM",
        )
        # What changed while it was looked up may be old already.
        if changes == self._changes:
            self._remember(target)
        return target

    def _remember(self, target: UrlTarget) -> None:
        if len(self._by_id) >= _REMEMBERED_MAX:
            self._by_label.clear()
            self._by_id.clear()
            self._of_function.clear()
        self._by_label[_label(target.name, target.qualifier)] = target
        self._by_id[target.url_id] = target
        self._of_function.setdefault(target.name, []).append(target)


def _label(name: str, qualifier: str | None) -> str:
    return name if qualifier is None else f"{name}:{qualifier}"


def is_function_url(scope: Scope) -> bool:
    """Whether a request is for a function URL, existing or not."""
    return _HOST_MARK in _host(scope) or http_event.raw_path(scope).startswith(PATH_PREFIX)


def _host(scope: Scope) -> str:
    return (http_event.header(scope, b"host") or "").lower()
