"""`python -m tests.api.probes`: how many were sent, how many answered as the model says."""

import contextlib
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.api.harness import Harness
from tests.api.probes.asking import ask, prepare
from tests.api.probes.generation import Probes


def main() -> None:
    made, right = Counter[str](), Counter[str]()
    began = time.monotonic()
    probes = Probes()
    with (
        tempfile.TemporaryDirectory() as directory,
        contextlib.closing(Harness(Path(directory) / "data")) as harness,
    ):
        for name in sorted(probes.operations):
            prepare(harness, name)
            of_operation = list(probes.of(name))
            for probe, wrong in zip(of_operation, ask(harness, of_operation), strict=True):
                made[probe.variant.kind] += 1
                right[probe.variant.kind] += wrong is None
                if wrong is not None:
                    print(wrong)
    for kind, number in made.most_common():
        print(f"{kind:16} {number:6} sent {right[kind]:6} as the model says")
    print(
        f"{made.total()} probes of {len(probes.operations)} operations in "
        f"{time.monotonic() - began:.1f} s, {right.total()} answered as the model says"
    )


if __name__ == "__main__":
    main()
