"""Sources whose client library may not be there."""

import sys

import pytest

from wasmfaas.sources.endpoints import Endpoints
from wasmfaas.sources.optional import OptionalSource
from wasmfaas.sources.source import SourceFailed, SourceMapping

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("redis_streams", "redis", "redis"), ("kafka", "confluent_kafka", "kafka")],
)
async def test_a_library_that_is_missing_is_told_of(
    module: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = (f"wasmfaas.sources.{module}", f"{package}.")
    for name in [each for each in sys.modules if each.startswith(loaded)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # type: ignore[arg-type]
    source = OptionalSource(module, package, extra, Endpoints({}))
    with pytest.raises(SourceFailed, match=rf"pip install 'wasmfaas\[{extra}\]'"):
        await source.open(SourceMapping(uuid="u", arn="", configuration={}))
