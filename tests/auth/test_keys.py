"""Access keys in their files."""

import asyncio
import json
from pathlib import Path

import pytest

from wasmfaas.auth.keys import KEYS_FILE, KeyStore
from wasmfaas.auth.principals import AccessKey, Role
from wasmfaas.auth.signer import CREDENTIALS_FILE, Credentials
from wasmfaas.errors import (
    DataDirectoryUnusable,
    InvalidParameterValue,
    ResourceConflict,
    ResourceNotFound,
)


def opened(directory: Path) -> KeyStore:
    return KeyStore.open(directory, lambda: 1_700_000_000.0)


def create(store: KeyStore, name: str, role: str, *functions: str) -> AccessKey:
    return asyncio.run(store.create(name, role, functions))


def credentials(directory: Path) -> dict[str, str]:
    document: dict[str, str] = json.loads((directory / CREDENTIALS_FILE).read_text())
    return document


def test_a_new_directory_gets_an_admin_key_that_stays(tmp_path: Path) -> None:
    (key,) = opened(tmp_path).by_id.values()
    assert (key.name, key.role) == ("local", Role.ADMIN)
    assert credentials(tmp_path) == {
        "access_key_id": key.id,
        "secret_access_key": key.secret,
    }
    assert Credentials.read(tmp_path) == Credentials(key.id, key.secret)
    assert len(key.id) == 20
    assert len(key.secret) == 40
    assert opened(tmp_path).by_id == {key.id: key}


def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    create(opened(tmp_path), "ci", "deployer")
    for name in (KEYS_FILE, CREDENTIALS_FILE):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    (tmp_path / KEYS_FILE).chmod(0o644)
    opened(tmp_path)
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600


def test_keys_survive(tmp_path: Path) -> None:
    key = create(opened(tmp_path), "web", "invoker", "web-*", "one")
    assert opened(tmp_path).by_id[key.id] == key
    assert key.created_at_ms == 1_700_000_000_000
    assert key.secret not in repr(key)


def test_a_revoked_key_is_gone(tmp_path: Path) -> None:
    store = opened(tmp_path)
    first, second = create(store, "a", "read-only"), create(store, "b", "admin")
    asyncio.run(store.revoke(first.id))
    asyncio.run(store.revoke("b"))
    assert {key.name for key in opened(tmp_path).by_id.values()} == {"local"}
    assert second.id not in store.by_id
    with pytest.raises(ResourceNotFound, match="no access key 'b'"):
        asyncio.run(store.revoke("b"))


def test_the_last_admin_key_stays(tmp_path: Path) -> None:
    store = opened(tmp_path)
    create(store, "a", "deployer")
    with pytest.raises(ResourceConflict, match="last admin key"):
        asyncio.run(store.revoke("local"))


def test_the_command_line_gets_a_new_key_in_place_of_a_revoked_one(tmp_path: Path) -> None:
    store = opened(tmp_path)
    create(store, "boss", "admin")
    asyncio.run(store.revoke("local"))
    assert not (tmp_path / CREDENTIALS_FILE).exists()
    store = opened(tmp_path)
    assert store.by_id[credentials(tmp_path)["access_key_id"]].role is Role.ADMIN
    (tmp_path / CREDENTIALS_FILE).write_text("{")
    store = opened(tmp_path)
    assert {key.name for key in store.by_id.values()} == {"boss", "local", "local-2"}


@pytest.mark.parametrize(
    ("name", "role", "functions", "told"),
    [
        ("", "admin", (), "1 to 64"),
        ("a b", "admin", (), "1 to 64"),
        ("a" * 65, "admin", (), "1 to 64"),
        ("a", "root", (), "admin, deployer, invoker, read-only"),
        ("a", "invoker", (), "an invoker needs"),
        ("a", "admin", ("f",), "no other role"),
        ("a", "invoker", ("f?",), "name of one"),
        ("a", "invoker", ("f" * 65,), "name of one"),
        ("a", "invoker", ("f",) * 101, "1 to 100"),
    ],
)
def test_what_is_no_key_is_refused(
    tmp_path: Path, name: str, role: str, functions: tuple[str, ...], told: str
) -> None:
    store = opened(tmp_path)
    with pytest.raises(InvalidParameterValue, match=told):
        create(store, name, role, *functions)
    assert len(store.by_id) == 1


def test_names_are_unique(tmp_path: Path) -> None:
    with pytest.raises(ResourceConflict, match="local already"):
        create(opened(tmp_path), "local", "admin")


@pytest.mark.parametrize("text", ["", "{}", '{"keys": [{"access_key_id": "s3cret"}]}', "[]"])
def test_a_damaged_file_is_told_of_without_its_content(tmp_path: Path, text: str) -> None:
    (tmp_path / KEYS_FILE).write_text(text)
    with pytest.raises(DataDirectoryUnusable, match="damaged") as caught:
        opened(tmp_path)
    assert "s3cret" not in str(caught.value)
