"""Secrets: who gets them, and where they are not."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.capabilities.asking import Granted, Refused, ask
from wasmfaas.capabilities.secrets import SECRETS_FILE, Secret, SecretCalls, SecretStore
from wasmfaas.errors import (
    DataDirectoryUnusable,
    InvalidParameterValue,
    ResourceConflict,
    ResourceNotFound,
)


def opened(path: Path) -> SecretStore:
    return SecretStore.open(path, lambda: 12.5)


def get(store: SecretStore, name: str, *permitted: str) -> Any:
    operations = SecretCalls(store).operations()
    granted = Granted(secrets=list(permitted))
    return asyncio.run(ask(operations, granted, "secrets.get", {"name": name}))["value"]


def test_a_secret_is_kept_in_a_file_of_its_user(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert asyncio.run(store.set("a/KEY", b"\xff\0")) == 12500
    asyncio.run(store.set("b", b"text"))
    assert stat.S_IMODE((tmp_path / SECRETS_FILE).stat().st_mode) == 0o600
    again = opened(tmp_path)
    assert again.listed() == [("a/KEY", 12500), ("b", 12500)]
    assert get(again, "a/KEY", "a/*") == {"base64": "/wA="}
    asyncio.run(again.delete("a/KEY"))
    with pytest.raises(ResourceNotFound):
        asyncio.run(again.delete("a/KEY"))
    assert opened(tmp_path).listed() == [("b", 12500)]


def test_who_is_not_permitted_does_not_learn_whether_there_is_one(tmp_path: Path) -> None:
    store = opened(tmp_path)
    asyncio.run(store.set("KEY", b"hunter2"))
    for permitted in ((), ("OTHER",), ("key",), ("KEY2",)):
        told = []
        for name in ("KEY", "NONE"):
            with pytest.raises(Refused, match="AccessDenied") as caught:
                get(store, name, *permitted)
            told.append(str(caught.value).replace(name, ""))
        assert told[0] == told[1]
        assert "hunter2" not in told[0]
    assert get(store, "KEY", "K*") == "hunter2"
    with pytest.raises(Refused, match="NotFound"):
        get(store, "NONE", "*")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("", b"v", "The name is ''"), ("a b", b"v", "letters, digits"), ("a" * 129, b"v", "1 to 128"),
     ("a", b"", "has 0 bytes"), ("a", b"v" * 65_537, "must have 1 to 65536")],
)  # fmt: skip
def test_what_is_no_secret(tmp_path: Path, name: str, value: bytes, said: str) -> None:
    with pytest.raises(InvalidParameterValue, match=said):
        asyncio.run(opened(tmp_path).set(name, value))


def test_their_number_is_bounded_and_they_are_not_shown(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, {str(n): Secret(b"v", 1) for n in range(1000)}, lambda: 1.0)
    with pytest.raises(ResourceConflict, match="1000 secrets"):
        asyncio.run(store.set("more", b"v"))
    asyncio.run(store.set("1", b"other"))
    assert "hunter2" not in repr(Secret(b"hunter2", 1))


@pytest.mark.parametrize("text", ["", "hunter2", "[]", '{"secrets": {"a": {"value": "%hunter2"}}}'])
def test_a_damaged_file_is_told_without_what_is_in_it(tmp_path: Path, text: str) -> None:
    (tmp_path / SECRETS_FILE).write_text(text)
    with pytest.raises(DataDirectoryUnusable, match="is damaged") as caught:
        opened(tmp_path)
    assert "hunter2" not in caught.value.message
