"""A hello in each language that `wasmfaas build` knows: its SDK's sample, built as users do."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.failures import NotMeasured
from wasmfaas.cli import building
from wasmfaas.cli.building import BuildSettings
from wasmfaas.cli.commands.init import TEMPLATES, write
from wasmfaas.cli.failures import Failure

PYTHON = "python"
_ROOT = Path(__file__).parents[1]
_SDKS = _ROOT / "guest-sdks"
_TEMPLATES = _ROOT / "wasmfaas" / "cli" / "templates"
_TITLES = {
    "assemblyscript": "AssemblyScript",
    "cpp": "C++",
    "javascript": "JavaScript",
    "typescript": "TypeScript",
}
#: What a line begins with that is not counted.
_COMMENTS = {".py": ("#", '"""')}
_COMMENTS_ELSEWHERE = ("//", "/*", "*")
#: A line that begins so begins the tests that a sample has in itself.
_TESTS = ("#[cfg(test)]", 'test "')


@dataclass(frozen=True, slots=True)
class Guest:
    """A language, and its hello."""

    name: str
    source: Path

    @property
    def title(self) -> str:
        return _TITLES.get(self.name, self.name.capitalize())

    @property
    def text(self) -> str:
        return self.source.read_text(encoding="utf-8")

    def lines(self) -> int:
        """Lines of the sample, without blank ones, comments and tests."""
        comments = _COMMENTS.get(self.source.suffix, _COMMENTS_ELSEWHERE)
        count = 0
        for line in map(str.strip, self.text.splitlines()):
            if line.startswith(_TESTS):
                break
            count += bool(line) and not line.startswith(comments)
        return count


@dataclass(frozen=True, slots=True)
class Module:
    """A hello that was built."""

    wasm: bytes
    #: A median.
    build_s: float


def guests(names: Sequence[str] | None = None) -> list[Guest]:
    """Python, and every language of `wasmfaas build` whose SDK has a hello; those of *names*."""
    found = []
    for name in (PYTHON, *building.LANGUAGES):
        samples = _SDKS / name / "samples"
        for source in (*samples.glob("hello.*"), *samples.glob("hello/main.*")):
            found.append(Guest(name, source))
    return [guest for guest in found if names is None or guest.name in names]


def built(guest: Guest, builds: int) -> Module:
    """The hello in a project of `wasmfaas init`, built once, and *builds* times after its source
    has changed. Raises NotMeasured where there is no toolchain or no template."""
    if guest.name not in TEMPLATES:
        raise NotMeasured(f"wasmfaas init has no template for {guest.title}")
    with tempfile.TemporaryDirectory(prefix="wasmfaas-bench-") as temporary:
        folder = Path(temporary) / "hello"
        try:
            write(guest.name, folder)
            source = folder / place(guest)
            source.write_text(guest.text, encoding="utf-8")
            done = building.build(folder, BuildSettings(language=guest.name))
            wasm = done.output.read_bytes()
            seconds = []
            for number in range(builds):
                source.write_text(f"{guest.text}\n// {number}\n", encoding="utf-8")
                seconds.append(building.build(folder, BuildSettings(language=guest.name)).seconds)
        except Failure as failure:
            raise NotMeasured(failure.message.splitlines()[0]) from None
        return Module(wasm, median(seconds))


def place(guest: Guest) -> Path:
    """The file of the template, relative to it, that the sample takes the place of. Raises
    NotMeasured where that is not clear."""
    template = _TEMPLATES / guest.name
    found = [
        path.relative_to(template)
        for path in sorted(template.rglob(f"*{guest.source.suffix}"))
        if "test" not in path.name and path.stem != "build"
    ]
    if len(found) != 1:
        raise NotMeasured(f"the template has {len(found)} files *{guest.source.suffix}, not one")
    return found[0]
