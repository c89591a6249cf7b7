"""What a guest writes to its standard streams, bounded."""


class Output:
    """Collects bytes up to a limit and counts the rest. Lives as long as a sandbox; an invocation
    `take`s what it wrote. The watch takes from another thread: every step is one operation."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._chunks: list[bytes] = []
        self._kept = 0
        self.dropped = 0

    def write(self, data: bytes) -> int:
        """Wasmtime's output callback: everything is accepted, not everything is kept."""
        room = self._bytes_max - self._kept
        kept = data[:room] if room < len(data) else data
        self._kept += len(kept)
        self.dropped += len(data) - len(kept)
        if kept:
            self._chunks.append(kept)
        return len(data)

    def take(self) -> bytes:
        """What was kept and not yet taken; the limit goes on counting it."""
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)

    def reset(self) -> None:
        """Begin anew, as for the next invocation."""
        self._chunks, self._kept, self.dropped = [], 0, 0
