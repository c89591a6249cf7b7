"""A canary that one function leaves wherever it can, and that no function of the server finds."""

import itertools
from pathlib import Path
from typing import Any

from tests.conftest import Server
from tests.sandbox.hunting import PYTHON_SOURCE, Canary, build, memory_bytes

_HUNTS = 6


def test_no_function_finds_what_another_invocation_left(server: Server, tmp_path: Path) -> None:
    canary = Canary()
    for name in ("hunter", "other-hunter"):
        server.deploy(name, {"app.py": PYTHON_SOURCE}, Timeout=30)
    module = build(tmp_path / "hunt.wasm")
    server.deploy("c-hunter", {"bootstrap.wasm": module}, Runtime="provided.al2023", Timeout=30)

    def reaches(pages: int) -> bool:
        _, response = server.invoke("hunter", canary.reach(pages))
        return "FunctionError" not in response

    event = canary.hunt(memory_bytes(reaches))
    names = ("hunter", "other-hunter", "c-hunter")
    for planter, end in itertools.product(("hunter", "c-hunter"), ("answer", "raise", "trap")):
        planted, response = server.invoke(planter, canary.plant(end))
        assert ("FunctionError" in response) == (end != "answer")
        if end != "trap":
            assert canary.text in str(planted)
        for name in itertools.islice(itertools.cycle(names), _HUNTS):
            found, response = server.invoke(name, event, LogType="Tail")
            _check(name, found)
            assert canary.text not in str(response)


def _check(name: str, found: dict[str, Any]) -> None:
    if name != "c-hunter":
        assert found.pop("sees")
    assert not any(found.values()), found
