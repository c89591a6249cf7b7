"""Key-value calls: what is permitted, and what is a request."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.capabilities.asking import Granted, Refused, ask, caller
from wasmfaas.capabilities.key_values import KeyValueCalls
from wasmfaas.invoke.calls import Caller
from wasmfaas.store.database import Database
from wasmfaas.store.key_values import KeyValues, Quota

EVERYTHING = Granted(kv=["carts", "prices:read"])


class Table:
    """The operations, on a database of its own."""

    def __init__(self, database: Database) -> None:
        self._calls = KeyValueCalls(KeyValues(database, Quota(2000, 10**6)), 1000)
        self._runner = asyncio.Runner()

    def __call__(
        self,
        operation: str,
        granted: Granted = EVERYTHING,
        asking: Caller | None = None,
        **members: Any,
    ) -> Any:
        members = {"namespace": "carts"} | members
        asked = ask(self._calls.operations(), granted, f"kv.{operation}", members, asking)
        return self._runner.run(asked)

    def close(self) -> None:
        self._runner.close()


@pytest.fixture
def kv(tmp_path: Path) -> Iterator[Table]:
    database = Database.open(tmp_path / "kv.db")
    table = Table(database)
    yield table
    table.close()
    database.close()


def test_values_come_back_as_they_were(kv: Table) -> None:
    for value, shown in (("ä\0", "ä\0"), ({"base64": "/w=="}, {"base64": "/w=="}), ("", "")):
        version = kv("set", key="a", value=value)["version"]
        assert kv("get", key="a") == {"value": shown, "version": version, "expiresAtMs": None}
    assert kv("get", key="b") == {"value": None, "version": 0, "expiresAtMs": None}
    assert kv("set", key="t", value="v", ttlMs=60_000)
    assert kv("get", key="t")["expiresAtMs"] > 60_000
    assert kv("delete", key="t") == {"deleted": True}


def test_writes_that_compare_and_conflict(kv: Table) -> None:
    version = kv("set", key="a", value="1", ifVersion=0)["version"]
    for operation, members in (("set", {"value": "2"}), ("delete", {})):
        with pytest.raises(Refused, match=f"VersionConflict.*has version {version}"):
            kv(operation, key="a", ifVersion=version + 1, **members)


def test_pages(kv: Table) -> None:
    for number in range(5):
        kv("set", key=f"k{number}", value="v")
    page = kv("list", prefix="k", limit=2)
    assert [each["key"] for each in page["keys"]] == ["k0", "k1"]
    page = kv("list", prefix="k", limit=3, after=page["next"])
    assert ([each["key"] for each in page["keys"]], page["next"]) == (["k2", "k3", "k4"], None)


@pytest.mark.parametrize(
    ("granted", "operation", "namespace"),
    [
        (Granted(), "get", None), (Granted(), "set", "carts"), (Granted(kv=["self"]), "get", "own"),
        (Granted(kv=["carts"]), "list", None), (Granted(kv=["carts"]), "delete", "carts2"),
        (EVERYTHING, "set", "prices"), (EVERYTHING, "delete", "prices"),
        (EVERYTHING, "get", "own:caller"), (EVERYTHING, "get", "*"), (EVERYTHING, "get", ""),
    ],
)  # fmt: skip
def test_what_is_not_permitted(
    kv: Table, granted: Granted, operation: str, namespace: str | None
) -> None:
    members = {"set": {"key": "a", "value": "v"}, "list": {}}.get(operation, {"key": "a"})
    with pytest.raises(Refused, match="AccessDenied"):
        kv(operation, granted, namespace=namespace, **members)


def test_a_namespace_for_reading_is_read(kv: Table) -> None:
    kv("set", Granted(kv=["prices"]), namespace="prices", key="a", value="1")
    assert kv("get", namespace="prices", key="a")["value"] == "1"
    assert len(kv("list", namespace="prices")["keys"]) == 1
    both = Granted(kv=["prices:read", "prices"])
    assert kv("delete", both, namespace="prices", key="a")["deleted"]


@pytest.mark.parametrize(
    ("operation", "members", "said"),
    [
        ("get", {}, "needs key: a string"), ("get", {"key": ""}, "has 0 bytes"),
        ("get", {"key": "ä" * 513}, "has 1026 bytes, but must have 1 to 1024"),
        ("get", {"key": 1}, "has key of type int"), ("get", {"key": "\ud800"}, "UTF-8 cannot hold"),
        ("get", {"key": "a", "x": 1}, "has no member 'x'"),
        ("set", {"key": "a"}, "needs value"), ("set", {"key": "a", "value": 1}, "must be bytes"),
        ("set", {"key": "a", "value": {"base64": "%"}}, "base64 in value that is none"),
        ("set", {"key": "a", "value": {"base64": 1}}, "base64 in value that is none"),
        ("set", {"key": "a", "value": "v", "ttlMs": 0}, "from 1 to"),
        ("set", {"key": "a", "value": "v", "ttlMs": 1.5}, "must be a whole number"),
        ("set", {"key": "a", "value": "v", "ttlMs": 10**30}, "from 1 to"),
        ("set", {"key": "a", "value": "v", "ifVersion": -1}, "from 0 to"),
        ("set", {"key": "a", "value": "v", "ifVersion": 2**63}, "from 0 to"),
        ("list", {"limit": 1001}, "from 1 to 1000"), ("list", {"prefix": []}, "of type list"),
        ("fly", {}, "There is no operation 'kv.fly'"),
    ],
)  # fmt: skip
def test_what_is_no_request(kv: Table, operation: str, members: Any, said: str) -> None:
    with pytest.raises(Refused) as caught:
        kv(operation, **members)
    assert said in str(caught.value)


def test_a_value_has_a_limit(kv: Table) -> None:
    kv("set", key="a", value="v" * 1000)
    with pytest.raises(Refused, match="LimitExceeded: The value has 1001 bytes"):
        kv("set", key="a", value="v" * 1001)


def test_the_own_namespace_is_that_of_who_asks(kv: Table) -> None:
    """By the lease; the function has to be there."""
    with pytest.raises(Refused, match="NotFound: The function other"):
        kv("set", Granted(kv=["self"]), caller("other"), namespace=None, key="a", value="v")
