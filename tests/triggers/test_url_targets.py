"""Which function a function URL stands for, and how long that is remembered."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from tests.triggers.scopes import http_scope, until
from wasmfaas.errors import AccessDenied, ResourceNotFound
from wasmfaas.models import FunctionUrl
from wasmfaas.policy import Policy
from wasmfaas.triggers.url_targets import UrlTarget, UrlTargets, is_function_url

URL_ID = "0123456789abcdefghijklmnopqrstuv"
HOST = f"{URL_ID}.lambda-url.us-east-1.localhost"
Result = TypeVar("Result")


OPEN = Policy.of(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "lambda:InvokeFunctionUrl",
            "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        }
    }
)


@dataclass(frozen=True)
class Function:
    """A function, or an alias of one, and its URL."""

    label: str
    url: FunctionUrl | None


class Lookups:
    """URLs by function, with a count of the look-ups; each waits until it is let through."""

    def __init__(self, *functions: Function, policy: Policy | None = OPEN) -> None:
        self.held = policy
        self.functions = {function.label: function for function in functions}
        self.count = 0
        self.through = asyncio.Event()
        self.through.set()

    async def find(self, name: str, qualifier: str | None = None) -> FunctionUrl | None:
        self.count += 1
        found = self.functions.get(name if qualifier is None else f"{name}:{qualifier}")
        await self.through.wait()
        if found is None:
            raise ResourceNotFound(f"Function not found: {name}")
        return found.url

    async def policy(self, name: str, qualifier: str = "") -> Policy | None:
        return self.held

    async def by_id(self, url_id: str) -> FunctionUrl:
        for function in list(self.functions.values()):
            if function.url is not None and function.url.id == url_id:
                url = await self.find(*function.label.split(":"))
                assert url is not None
                return url
        await self.find("")
        raise AssertionError


def function(label: str = "f", url_id: str | None = URL_ID, **configuration: Any) -> Function:
    name, _, qualifier = label.partition(":")
    url = url_id and FunctionUrl(
        function_name=name,
        qualifier=qualifier or None,
        id=url_id,
        configuration={"AuthType": "NONE", **configuration},
    )
    return Function(label, url or None)


def targets(lookups: Lookups) -> UrlTargets:
    return UrlTargets(lookups, lookups, lambda name: f"arn:{name}", "us-east-1")


def find(
    found: UrlTargets, target: str = "/", host: str = "127.0.0.1:3001"
) -> Coroutine[Any, Any, tuple[UrlTarget, str]]:
    return found.find(http_scope("GET", target, [("Host", host)]))


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("/f/f", "/"),
        ("/f/f/", "/"),
        ("/f/f/a/b", "/a/b"),
        ("/f/f//a", "//a"),
        ("/f/f/%2Fa%20b/", "/%2Fa%20b/"),
        ("/f/%66/x", "/x"),
    ],
)
def test_by_path_the_function_sees_the_rest_as_sent(sent: str, seen: str) -> None:
    async def scenario() -> None:
        target, path = await find(targets(Lookups(function())), sent)
        assert (target.name, target.arn, path) == ("f", "arn:f", seen)

    asyncio.run(scenario())


@pytest.mark.parametrize("host", [HOST, f"{HOST}:3001", HOST.upper()])
def test_by_host_the_function_sees_the_whole_path(host: str) -> None:
    async def scenario() -> None:
        target, path = await find(targets(Lookups(function())), "/f/other/x", host)
        assert (target.name, path) == ("f", "/f/other/x")
        assert target.domain == HOST

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "host",
    [
        HOST.replace("us-east-1", "us-east-2"),
        HOST.replace("us-east-1", "us-east-10"),
        HOST.replace("-1.", "x1."),
        f"x{HOST}",
        HOST[1:],
        f"a.{HOST}",
        f"{HOST}.",
        f"{HOST}.evil.example",
        f"{HOST}:x",
        f"{HOST}:3001\n",
        f"{'z' * 32}.lambda-url.us-east-1.localhost",
        ".lambda-url.",
    ],
)
def test_a_host_has_to_match_exactly(host: str) -> None:
    async def scenario() -> None:
        with pytest.raises(AccessDenied, match="No function URL has the host"):
            await find(targets(Lookups(function())), "/f/f/", host)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "name", ["g", "", "a.b", "f%2Fx", "f%00", "%FF", "x" * 65, "f%0A", "$LATEST"]
)
def test_a_name_that_is_no_function_is_not_found(name: str) -> None:
    async def scenario() -> None:
        with pytest.raises(ResourceNotFound, match="Function not found"):
            await find(targets(Lookups(function())), f"/f/{name}/x")

    asyncio.run(scenario())


def test_a_function_without_a_url_is_not_open() -> None:
    async def scenario() -> None:
        with pytest.raises(ResourceNotFound, match="Function f has no function URL"):
            await find(targets(Lookups(function(url_id=None))), "/f/f")

    asyncio.run(scenario())


def test_functions_are_looked_up_once_until_they_change() -> None:
    async def scenario() -> None:
        lookups = Lookups(function(), function("g", "g" * 32))
        found = targets(lookups)
        for _ in range(3):
            await find(found, "/f/f")
            await find(found, host=HOST)
            await find(found, "/f/g")
        assert lookups.count == 2
        lookups.functions["f"] = function(AuthType="AWS_IAM")
        found.forget("f")
        assert (await find(found, host=HOST))[0].auth_type == "AWS_IAM"
        assert (await find(found, "/f/f"))[0].auth_type == "AWS_IAM"
        await find(found, "/f/g")
        assert lookups.count == 3

    asyncio.run(scenario())


@pytest.mark.parametrize("by", ["path", "host"])
def test_a_url_that_was_removed_is_closed_at_once(by: str) -> None:
    async def scenario() -> None:
        lookups = Lookups(function())
        found = targets(lookups)
        await find(found, "/f/f")
        lookups.functions["f"] = function(url_id=None)
        found.forget("f")
        with pytest.raises((ResourceNotFound, AccessDenied)):
            await (find(found, "/f/f") if by == "path" else find(found, host=HOST))

    asyncio.run(scenario())


@pytest.mark.parametrize("by", ["path", "host"])
def test_what_changed_while_it_was_looked_up_is_not_remembered(by: str) -> None:
    async def scenario() -> None:
        lookups = Lookups(function())
        found = targets(lookups)
        lookups.through.clear()
        request = find(found, "/f/f") if by == "path" else find(found, host=HOST)
        looking = asyncio.create_task(request)
        await until(lambda: lookups.count == 1)
        lookups.functions["f"] = function(AuthType="AWS_IAM")
        found.forget("f")
        lookups.through.set()
        assert (await looking)[0].auth_type == "NONE"
        assert (await find(found, "/f/f"))[0].auth_type == "AWS_IAM"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        ("/f/a", "127.0.0.1:3001", True),
        ("/f", "127.0.0.1:3001", False),
        ("/function/a", "127.0.0.1:3001", False),
        ("/2015-03-31/functions", "localhost", False),
        ("/2015-03-31/functions", HOST, True),
        ("/", f"{HOST}:3001", True),
        ("/", "nobody.lambda-url.mars-1.localhost", True),
    ],
)
def test_requests_for_function_urls_are_told_apart(target: str, host: str, expected: bool) -> None:
    assert is_function_url(http_scope("GET", target, [("Host", host)])) is expected


def test_a_url_is_open_where_its_policy_says_so() -> None:
    async def scenario() -> None:
        lookups = Lookups(function())
        found = targets(lookups)

        async def is_open() -> bool:
            return (await find(found, "/f/f"))[0].is_open

        assert await is_open()
        lookups.held = None
        assert await is_open(), "it is not asked for every call"
        found.forget("f")
        assert not await is_open()
        lookups.held, lookups.functions["f"] = OPEN, function(AuthType="AWS_IAM")
        found.forget("f")
        assert not await is_open()

    asyncio.run(scenario())


def test_urls_of_aliases_are_told_apart_and_forgotten_with_their_function() -> None:
    async def scenario() -> None:
        lookups = Lookups(function(), function("f:prod", "p" * 32), function("g", "g" * 32))
        found = targets(lookups)
        own, _ = await find(found, "/f/f/")
        alias, path = await find(found, "/f/f:prod/x")
        assert (own.qualifier, own.arn) == (None, "arn:f")
        assert (alias.name, alias.qualifier, alias.arn, path) == ("f", "prod", "arn:f:prod", "/x")
        await find(found, "/f/g/")
        host = f"{'p' * 32}.lambda-url.us-east-1.localhost"
        assert (await find(found, "/x", host))[0] is alias
        assert lookups.count == 3, "they are remembered"
        found.forget("f")
        assert (await find(found, "/f/g/"))[0].name == "g"
        assert lookups.count == 3
        assert (await find(found, "/x", host))[0] == alias
        assert (await find(found, "/f/f%3Aprod/"))[0] == alias
        assert lookups.count == 4

    asyncio.run(scenario())
