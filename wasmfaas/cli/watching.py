"""Noticing that a file was saved."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from wasmfaas.cli.failures import Failure
from wasmfaas.cli.sources import PROJECT_FILE, collect

_POLL_S = 0.3
#: Saving can take several steps; what changed must have kept still for this long…
_SETTLE_S = 0.05
#: …but not for ever.
_SETTLES_MAX = 20

_Snapshot = dict[str, tuple[int, int]]


class Watch:
    """Watches one path from its creation on."""

    def __init__(
        self,
        path: Path,
        *,
        ignored: Callable[[], Sequence[str]] = tuple,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """*ignored*: patterns, as of `exclude`, of what may change as it likes; asked each time."""
        self._path = path
        self._ignored = ignored
        self._sleep = sleep
        self._seen = self._snapshot()

    def changes(self) -> Iterator[None]:
        """Yield whenever something differs from what it was at the last yield."""
        while True:
            if self._snapshot() != self._seen:
                self._seen = self._settled()
                yield
            self._sleep(_POLL_S)

    def _settled(self) -> _Snapshot:
        before = self._snapshot()
        for _ in range(_SETTLES_MAX):
            self._sleep(_SETTLE_S)
            after = self._snapshot()
            if after == before:
                break
            before = after
        return before

    def _snapshot(self) -> _Snapshot:
        if not self._path.is_dir():
            return self._stat(self._path)
        try:
            sources = collect(self._path, self._ignored())
        except Failure as failure:
            return {failure.message: (0, 0)}
        seen = {source.name: (source.modified_ns, source.size_bytes) for source in sources}
        return seen | self._stat(self._path / PROJECT_FILE)

    def _stat(self, path: Path) -> _Snapshot:
        try:
            found = path.stat()
        except OSError:
            return {}
        return {path.name: (found.st_mtime_ns, found.st_size)}
