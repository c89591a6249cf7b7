"""Every constraint of the model, at its boundary and one past it, for every operation: what is past
it is refused in AWS's words, what is at it is not, and nothing is a failure of the server.

`python -m tests.api.probes` prints how many were sent, and how many answered as the model says.
"""

from collections.abc import Iterator

import pytest

from tests.api.harness import Harness
from tests.api.probes.asking import ask, prepare
from tests.api.probes.generation import Probes

PROBES = Probes()
KINDS = {"sound", "at the bound", "past the bound", "pattern", "enum", "missing", "null",
         "wrong type", "unknown member"}  # fmt: skip


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("probes") / "data")
    yield harness
    harness.close()


@pytest.mark.parametrize("operation", sorted(PROBES.operations))
def test_every_constraint_is_held_and_no_more(harness: Harness, operation: str) -> None:
    prepare(harness, operation)
    objections = [each for each in ask(harness, PROBES.of(operation)) if each is not None]
    assert not objections, "\n".join(objections[:20])


def test_there_are_probes_of_every_kind() -> None:
    made = [probe for name in PROBES.operations for probe in PROBES.of(name)]
    assert {probe.variant.kind for probe in made} == KINDS
    assert len(made) > 8000
    assert sum(probe.variant.refusal is not None for probe in made) > 6000
