"""Sources by the ARN of a mapping; those of installed packages among them."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.triggers.mappings.world import MemoryQueue
from wasmfaas.sources import SourceFailed, SourceMapping
from wasmfaas.sources.registry import SELF_MANAGED, SourceFactories

pytestmark = pytest.mark.anyio

PACKAGE = """\
from wasmfaas.sources import SourceFailed


def open_source(mapping):
    if mapping.resource == "unreachable":
        raise SourceFailed("nobody answers")
    if mapping.resource == "broken":
        raise ZeroDivisionError("oh")
    return mapping.resource
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with an entry point, installed."""
    (tmp_path / "orders_source.py").write_text(PACKAGE)
    information = tmp_path / "orders_source-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: orders-source\n")
    (information / "entry_points.txt").write_text(
        "[wasmfaas.sources]\norders = orders_source:open_source\nnone = orders_source:missing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "orders_source", raising=False)


def mapping(service: str, resource: str = "r", **configuration: Any) -> SourceMapping:
    arn = f"arn:aws:{service}:us-east-1:000000000000:{resource}" if service else ""
    return SourceMapping(uuid="u", arn=arn, configuration=configuration)


async def test_sources_are_made_by_service() -> None:
    queue, other = MemoryQueue(), MemoryQueue()

    async def opened(mapping: SourceMapping) -> Any:
        return other

    factories = SourceFactories({"sqs": lambda mapping: queue, SELF_MANAGED: opened})
    assert await factories.open(mapping("sqs")) is queue
    assert await factories.open(mapping("", SelfManagedEventSource={})) is other


@pytest.mark.usefixtures("installed")
async def test_installed_packages_have_sources() -> None:
    source: Any = await SourceFactories({}).open(mapping("wasmfaas-orders", "a:b"))
    assert source == "a:b"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("service", "resource", "message"),
    [
        ("kinesis", "r", "Sources of the service 'kinesis' are not polled"),
        ("wasmfaas-other", "r", "No source 'other' is installed"),
        ("wasmfaas-none", "r", "AttributeError while loading none"),
        ("wasmfaas-orders", "unreachable", "nobody answers"),
        ("wasmfaas-orders", "broken", "ZeroDivisionError in the source wasmfaas-orders: oh"),
    ],
)
async def test_what_cannot_be_made_is_told(service: str, resource: str, message: str) -> None:
    with pytest.raises(SourceFailed) as failed:
        await SourceFactories({}).open(mapping(service, resource))
    assert message in failed.value.message
