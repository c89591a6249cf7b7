"""From a path to the zip that is uploaded: the same files give the same bytes."""

import base64
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wasmfaas.cli import entry
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.figures import size
from wasmfaas.cli.project import FunctionSettings
from wasmfaas.cli.sources import PROJECT_FILE, SourceFile, collect, printable
from wasmfaas.settings import Settings

#: The earliest time that a zip can hold; any constant would do.
_DATE = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16
_SYSTEM_UNIX = 3
#: What a single module is called in its package, so that renaming the file changes nothing.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
)
_MODULE_NAME = "bootstrap.wasm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A zip ready for upload, with what was found in it."""

    data: bytes
    handler: str
    runtime: str
    files: int

    @property
    def sha256(self) -> str:
        """As Lambda's CodeSha256: base64."""
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()


def pack(path: Path, chosen: FunctionSettings, limits: Settings) -> Package:
    """The package for *path*: a .py file, a folder, a .zip or a .wasm module.

    Raises Failure for anything else, for a package over *limits*, and where the handler is not
    given in *chosen* and cannot be found.
    """
    if path.is_dir():
        return _pack_folder(path, chosen, limits)
    if not path.exists():
        raise Failure("PathNotFound", f"{printable(path)} does not exist")
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return _pack_zip(path, chosen, limits)
    if suffix == ".wasm":
        return _pack_single(path, _MODULE_NAME, chosen, limits)
    if suffix == ".py":
        _check_module_name(path)
        return _pack_single(path, path.name, chosen, limits)
    raise Failure(
        "UnknownPackage",
        f"{printable(path)} is not something to deploy; give a .py file, a folder, a .zip or a "
        ".wasm module",
    )


def pack_layer(path: Path, limits: Settings) -> bytes:
    """The zip of a layer for *path*: a folder, whose content becomes /opt, or a .zip.

    Raises Failure for anything else, and for more than *limits* allow.
    """
    if path.is_dir():
        return _zip_of(collect(path, ()), limits)
    if not path.exists():
        raise Failure("PathNotFound", f"{printable(path)} does not exist")
    if path.suffix.lower() != ".zip":
        raise Failure("UnknownPackage", f"{printable(path)} is neither a folder nor a .zip")
    _check_zipped(path.stat().st_size, limits)
    return _read(path)


def _pack_folder(folder: Path, chosen: FunctionSettings, limits: Settings) -> Package:
    sources = collect(folder, chosen.exclude)
    names = [source.name for source in sources]
    paths = {source.name: source.path for source in sources}
    found = entry.find(names, lambda name: _read(paths[name]), chosen, printable(folder))
    return _built(sources, found, limits)


def _pack_single(path: Path, name: str, chosen: FunctionSettings, limits: Settings) -> Package:
    source = SourceFile(name, path, path.stat().st_size, 0)
    found = entry.find([name], lambda _: _read(path), chosen, printable(path))
    return _built([source], found, limits)


def _pack_zip(path: Path, chosen: FunctionSettings, limits: Settings) -> Package:
    _check_zipped(path.stat().st_size, limits)
    data = _read(path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [item for item in archive.infolist() if not item.is_dir()]
            total = sum(item.file_size for item in entries)
            _check_unzipped([(item.filename, item.file_size) for item in entries], total, limits)
            names = [item.filename for item in entries]
            found = entry.find(names, _opener(archive), chosen, printable(path))
    except _UNREADABLE as error:
        raise Failure(
            "InvalidZip", f"{printable(path)} is not a zip that can be read: {error}"
        ) from None
    return Package(data=data, handler=found.handler, runtime=found.runtime, files=len(entries))


def _opener(archive: zipfile.ZipFile) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        with archive.open(name) as stream:
            return stream.read(entry.SOURCE_BYTES_READ)

    return read


def _built(sources: Sequence[SourceFile], found: entry.Entry, limits: Settings) -> Package:
    data = _zip_of(sources, limits)
    return Package(data=data, handler=found.handler, runtime=found.runtime, files=len(sources))


def _zip_of(sources: Sequence[SourceFile], limits: Settings) -> bytes:
    total = sum(source.size_bytes for source in sources)
    _check_unzipped([(source.name, source.size_bytes) for source in sources], total, limits)
    data = zipped([(source.name, source.path) for source in sources])
    _check_zipped(len(data), limits)
    return data


def zipped(files: Sequence[tuple[str, Path]]) -> bytes:
    """A zip of *files* (name, path), in that order, that depends on names and contents only."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files:
            item = zipfile.ZipInfo(name, _DATE)
            item.external_attr = _REGULAR_FILE
            item.create_system = _SYSTEM_UNIX
            archive.writestr(item, _read(path), compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _check_module_name(path: Path) -> None:
    if "." in path.stem or any(character.isspace() for character in path.stem):
        raise Failure(
            "InvalidModuleName",
            f"{printable(path)} cannot be imported under this name; rename it so that it has no "
            "dots or spaces before .py",
        )


def _check_unzipped(files: Sequence[tuple[str, int]], total: int, limits: Settings) -> None:
    if not files:
        raise Failure("EmptyPackage", "there are no files to deploy")
    if len(files) > limits.package_entries_max:
        raise Failure(
            "PackageTooLarge",
            f"the package holds {len(files):,} files, but at most {limits.package_entries_max:,} "
            f"are accepted; leave some out with exclude under [package] in {PROJECT_FILE}",
        )
    if total > limits.unzipped_bytes_max:
        largest = sorted(files, key=lambda file: -file[1])[:3]
        shown = ", ".join(f"{printable(name)} ({size(count)})" for name, count in largest)
        raise Failure(
            "PackageTooLarge",
            f"the package is {size(total)} unzipped, but at most "
            f"{size(limits.unzipped_bytes_max)} is accepted; the largest files are {shown}; leave "
            f"out what the function does not need with exclude under [package] in {PROJECT_FILE}",
        )


def _check_zipped(total: int, limits: Settings) -> None:
    if total > limits.zipped_bytes_max:
        raise Failure(
            "PackageTooLarge",
            f"the package is {size(total)} zipped, but at most {size(limits.zipped_bytes_max)} is "
            f"accepted; leave out what the function does not need with exclude under [package] in "
            f"{PROJECT_FILE}",
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(
            "UnreadableFile", f"cannot read {printable(path)}: {error.strerror}"
        ) from None
