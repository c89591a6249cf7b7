"""Several unpacked packages as one folder, the way Lambda shows layers: later ones over earlier."""

import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

#: What a file system answers that has no hard links, or no more for this file.
_NOT_LINKED: Final = frozenset({errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EXDEV})


def merged_name(digests: Sequence[str]) -> str:
    """The name of the tree that the packages with *digests* become, in this order: 64 hexadecimal
    digits. A package by itself is its own tree."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()


def merge(trees: Sequence[Path], target: Path) -> None:
    """Put the files of *trees*, read-only, below the existing, empty directory *target*. What a
    later tree has replaces what an earlier one has under its name, a folder by a file too.

    Files are linked, not copied. Where it raises, it leaves what it has made. Raises OSError.
    """
    for tree in trees:
        for folder, _, files in os.walk(tree):
            here = target / os.path.relpath(folder, tree)
            if here.is_file():
                here.unlink()
            here.mkdir(exist_ok=True)
            for name in files:
                _replace(here / name, Path(folder, name))
    for folder, _, _ in os.walk(target):
        os.chmod(folder, 0o555)


def _replace(path: Path, source: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    try:
        os.link(source, path)
    except OSError as error:
        if error.errno not in _NOT_LINKED:
            raise
        shutil.copy(source, path)
