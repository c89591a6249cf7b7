"""What packages from PyPI need of each other, as far as a guest's Python is concerned."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from bench.failures import BenchFailure

#: The guest's, for what is only needed by older ones.
_PYTHON = {"python_version": "3.14", "python_full_version": "3.14.0", "extra": ""}
_PIP_S_MAX = 900
#: What pip may choose from: wheels only, also with machine code where a package has no others.
_WHEELS = ("--only-binary=:all:", "--python-version=3.14", "--implementation=cp",
           "--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64")  # fmt: skip
_MACHINE_CODE = (".so", ".pyd", ".dylib")
_SAID_CHARACTERS = 600


class Installed:
    """Packages in a folder, as pip installs them there, with all that they need."""

    def __init__(self, folder: Path) -> None:
        self._by_name: dict[str, Distribution] = {}
        for found in distributions(path=[str(folder)]):
            self._by_name[canonicalize_name(found.metadata["Name"])] = found

    def version(self, name: str) -> str | None:
        """None where the package is not there."""
        found = self._by_name.get(canonicalize_name(name))
        return None if found is None else found.version

    def files(self, *names: str) -> dict[str, bytes]:
        """The files of the packages *names* and of all that they need, but no machine code."""
        found: dict[str, bytes] = {}
        for each in self.needed(*names):
            for file in self._by_name[each].files or ():
                path = Path(str(file.locate()))
                if ".." in file.parts or file.suffix in (*_MACHINE_CODE, ".pyc"):
                    continue
                if path.is_file():
                    found[str(file)] = path.read_bytes()
        return found

    def needed(self, *names: str) -> list[str]:
        """The packages *names* and all that they need, of what is there, in a stable order."""
        todo, seen = [canonicalize_name(name) for name in names], dict[str, None]()
        while todo:
            each = todo.pop()
            if each not in seen and each in self._by_name:
                seen[each] = None
                todo += _requirements(self._by_name[each])
        return sorted(seen)


def _requirements(distribution: Distribution) -> Iterator[NormalizedName]:
    for text in distribution.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(_PYTHON):
            yield canonicalize_name(requirement.name)


def install(folder: Path, names: Iterable[str]) -> Installed:
    """The packages *names* in *folder*; they stay there for the next run. Raises BenchFailure where
    pip can't have them."""
    if folder.is_dir():
        return Installed(folder)
    work = folder.with_name(folder.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-compile", f"--target={work}", *_WHEELS, *names),
    ]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_PIP_S_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchFailure(f"pip failed: {error}") from None
    if ran.returncode != 0:
        shutil.rmtree(work, ignore_errors=True)
        said = ran.stderr.decode(errors="replace").strip()[-_SAID_CHARACTERS:]
        raise BenchFailure(f"pip could not fetch the packages. It said:\n{said}")
    work.replace(folder)
    return Installed(folder)
