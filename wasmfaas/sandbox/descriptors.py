"""How many files this process has open."""

import os


class Descriptors:
    """Counts the open files of this process. Lives as long as the process, and is opened before the
    jail closes /proc.

    A guest's descriptors are the host's: a file that it leaves open stays so, and keeps its space
    on the disk, whatever is done to its memory.
    """

    def __init__(self) -> None:
        self._descriptor = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def count(self) -> int:
        """How many there are (Linux 6.2; always 0 before, where nothing is restored either)."""
        return os.fstat(self._descriptor).st_size
