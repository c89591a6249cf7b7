"""Builds and real workers for the conformance run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.guest_sdks.languages import LANGUAGES, MODULE, PROBE, Files, Language
from tests.sandbox.conftest import Pool, pool
from wasmfaas.invoke.reply import Reply
from wasmfaas.invoke.target import Target
from wasmfaas.models import PackageKind
from wasmfaas.settings import MIB

__all__ = ["pool"]


@dataclass
class Program:
    """A built sample or probe of a language, and workers to run it. Lives as long as a module."""

    name: str
    language: Language
    files: Files
    pool: Pool
    _targets: dict[str, Target] = field(default_factory=dict)

    def target(self, **members: Any) -> Target:
        """A function of this program; of the same settings, the same one."""
        key = repr(sorted(members.items()))
        if key not in self._targets:
            self._targets[key] = self._target({"timeout_ms": 60_000} | members)
        return self._targets[key]

    def _target(self, members: Mapping[str, Any]) -> Target:
        handler = self.language.handler.format(self.name)
        environment = members.get("environment", {"AWS_LAMBDA_LOG_STREAM_NAME": "stream"})
        own = {"handler": handler, "environment": {**environment, "_HANDLER": handler}}
        settings = {**members, **own}
        if self.language.kind is PackageKind.PYTHON:
            return self.pool.package(self.files, **settings)
        rest = {name: data for name, data in self.files.items() if name != MODULE}
        artefact = self.pool.compiled(self.files[MODULE])
        return self.pool.target(artefact, rest, **settings)

    def invoke(self, event: Any = None, **members: Any) -> Reply:
        """One invocation; *event* is JSON text where it is bytes."""
        return self.pool.invoke(self.target(**members), event)


@pytest.fixture(scope="module", params=LANGUAGES, ids=lambda language: language.name)
def language(request: pytest.FixtureRequest) -> Language:
    chosen: Language = request.param
    if (reason := chosen.missing()) is not None:
        pytest.skip(reason)
    return chosen


def _program(name: str, language: Language, pool: Pool, cache_dir: Path) -> Program:
    return Program(name, language, language.package(name, cache_dir), pool)


@pytest.fixture(scope="module")
def hello(language: Language, pool: Pool, cache_dir: Path) -> Program:
    return _program("hello", language, pool, cache_dir)


@pytest.fixture(scope="module")
def echo(language: Language, pool: Pool, cache_dir: Path) -> Program:
    return _program("echo", language, pool, cache_dir)


@pytest.fixture(scope="module")
def error(language: Language, pool: Pool, cache_dir: Path) -> Program:
    return _program("error", language, pool, cache_dir)


@pytest.fixture(scope="module")
def log(language: Language, pool: Pool, cache_dir: Path) -> Program:
    return _program("log", language, pool, cache_dir)


@pytest.fixture(scope="module")
def probe(language: Language, pool: Pool, cache_dir: Path) -> Program:
    return _program(PROBE, language, pool, cache_dir)


#: What one invocation may make a sandbox keep, beyond what the first ones did.
GROWTH_BYTES_MAX = 2 * MIB
