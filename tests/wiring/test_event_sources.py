"""Secrets that mappings come with."""

from pathlib import Path

import pytest

from tests.api.harness import Harness
from wasmfaas.capabilities.secrets import SecretStore
from wasmfaas.sources.source import SourceFailed
from wasmfaas.store.attachments import Kind
from wasmfaas.wiring.event_sources import FunctionSecrets


def test_a_mapping_has_the_secrets_that_its_function_may_read(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    try:
        harness.create("f")
        harness.create("g")
        attachments = harness.registry.attachments
        store = SecretStore.open(tmp_path, lambda: 1.0)
        harness.run(store.set("login", b"value"))
        permitted = {"secrets": ["login", "gone"]}
        harness.run(attachments.change("f", Kind.PERMISSIONS, "", lambda _: permitted))
        secrets = FunctionSecrets(attachments, store)
        assert harness.run(secrets.read("f", "login")) == b"value"
        with pytest.raises(SourceFailed, match="no secret 'gone': set it with wasmfaas secret set"):
            harness.run(secrets.read("f", "gone"))
        for name in ("login", "other"):
            with pytest.raises(SourceFailed, match=rf"of the function g does not have '{name}'"):
                harness.run(secrets.read("g", name))
    finally:
        harness.close()
