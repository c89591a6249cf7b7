from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.harness import Harness


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """An API with no functions."""
    harness = Harness(tmp_path / "data")
    yield harness
    harness.close()
