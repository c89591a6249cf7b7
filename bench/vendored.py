"""Packages from PyPI for functions to import: fetched with pip, once per cache directory."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.failures import NotMeasured

_PIP_S_MAX = 120


def vendored(
    cache_dir: Path, names: Sequence[str], note: Callable[[str], None]
) -> dict[str, bytes]:
    """The modules of the packages *names* and of what they need, as files of a package.

    Of binary modules there are none: a guest could not load them, and the packages that are asked
    for here go without. Raises NotMeasured where pip cannot fetch one.
    """
    folder = cache_dir / "bench" / "vendored" / "-".join(names)
    if not folder.exists():
        note(f"Fetching {', '.join(names)}")
        _fetch(folder, names)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.py"))
        if "__pycache__" not in path.parts
    }


def _fetch(folder: Path, names: Sequence[str]) -> None:
    work = folder.with_name(folder.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-compile", "--target", str(work), *names),
    ]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_PIP_S_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotMeasured(f"pip failed: {error}") from None
    if ran.returncode != 0:
        shutil.rmtree(work, ignore_errors=True)
        said = ran.stderr.decode(errors="replace").strip()[-300:]
        raise NotMeasured(f"pip could not fetch {', '.join(names)}: {said}")
    work.replace(folder)
