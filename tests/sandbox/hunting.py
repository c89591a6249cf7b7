"""Guests that hide a canary from one invocation to the next, and hunt for it.

A canary is random text that no guest's code holds; an event carries it in two halves, each XORed
with a random mask. The guests are `hunt_guest/`.
"""

import secrets
from pathlib import Path
from typing import Any

from tests.guest_sdks.toolchain import C_SDK, STRICT, zig

FOLDER = Path(__file__).with_name("hunt_guest")
PYTHON_SOURCE = (FOLDER / "app.py").read_text()
_HALF = 24
_PAGE_BYTES = 65536
_PAGES_MAX = 2048


class Canary:
    """Something to plant and to hunt for. Lives as long as a test."""

    def __init__(self) -> None:
        self.text = secrets.token_hex(_HALF)
        mask = secrets.token_bytes(_HALF)
        head, tail = self.text[:_HALF].encode(), self.text[_HALF:].encode()
        self._masked = {"mask": mask.hex(), "head": _xor(head, mask), "tail": _xor(tail, mask)}

    def plant(self, end: str, **more: Any) -> dict[str, Any]:
        """An event that leaves it everywhere, then ends as *end* says."""
        return {"do": "plant", "end": end, **self._masked, **more}

    def hunt(self, memory_bytes: int) -> dict[str, Any]:
        """An event that looks for it, in Python's case in so many bytes of memory."""
        return {"do": "hunt", "bytes": memory_bytes, **self._masked}

    def reach(self, pages: int) -> dict[str, Any]:
        """An event that a Python guest answers if its memory has so many pages, else it traps."""
        return {"do": "reach", "bytes": pages * _PAGE_BYTES, **self._masked}


def memory_bytes(reaches: Any) -> int:
    """How large a memory is of which *reaches* says whether it has a number of pages."""
    least, most = 1, _PAGES_MAX
    while least < most:
        middle = (least + most + 1) // 2
        if reaches(middle):
            least = middle
        else:
            most = middle - 1
    return least * _PAGE_BYTES


def build(output: Path, *flags: str) -> bytes:
    """`hunt.c` as WebAssembly: a reactor, or with `-DCOMMAND` a command; `-DFILES` uses files."""
    model = [] if "-DCOMMAND" in flags else ["-mexec-model=reactor"]
    zig("cc", "--target=wasm32-wasi", *model, *flags, "-O2", "-s", "-Wl,-z,stack-size=262144",
        *STRICT, f"-I{C_SDK / 'include'}", "-o", str(output),
        str(FOLDER / "hunt.c"))  # fmt: skip
    return output.read_bytes()


def _xor(data: bytes, mask: bytes) -> str:
    return bytes(left ^ right for left, right in zip(data, mask, strict=True)).hex()
