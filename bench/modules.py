"""Wasm modules that nobody has compiled yet."""

import hashlib
import uuid
from pathlib import Path
from typing import Self

from bench import hello


class NewModules:
    """Makes modules for one run, and removes from the cache what was compiled of them when it is
    over; use it as a context manager."""

    def __init__(self, cache_dir: Path) -> None:
        self._artefacts = cache_dir / "artefacts"
        self._digests: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for digest in self._digests:
            for path in self._artefacts.glob(f"{digest}-*"):
                path.unlink(missing_ok=True)

    def c(self) -> bytes:
        """The C hello, of which the compiler has seen every part, but not the whole."""
        return self.like(hello.C_MODULE.read_bytes())

    def like(self, module: bytes) -> bytes:
        """*module*, of which the compiler may have seen every part, but not the whole."""
        module = hello.marked(module, uuid.uuid4().hex)
        self._digests.append(hashlib.sha256(module).hexdigest())
        return module
