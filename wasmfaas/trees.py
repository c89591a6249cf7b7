"""Removes folders that somebody else has filled."""

import itertools
import os
import secrets
from pathlib import Path


def empty(folder: Path) -> None:
    """Remove all that is in *folder*, however deep it nests. Raises OSError.

    What nests is moved up first: a path that is too long for the system, a descriptor or a call
    for each level are what a guest could count on.
    """
    names = (f"{secrets.token_hex(8)}-{number}" for number in itertools.count())
    waiting = _clear(os.fspath(folder))
    while waiting:
        inner = waiting.pop()
        for deeper in _clear(inner):
            raised = os.path.join(folder, next(names))
            os.rename(deeper, raised)
            waiting.append(raised)
        os.rmdir(inner)


def remove(folder: Path) -> None:
    """Remove *folder* and all that is in it, as far as that can be done."""
    try:
        empty(folder)
        folder.rmdir()
    except OSError:
        return


def _clear(folder: str) -> list[str]:
    """Remove what is in *folder* and no folder itself; the paths of those that are."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            else:
                os.unlink(entry.path)
    return folders
