"""Files of packages that are in the image: time zones."""

import io
import zlib
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable, TraversableResources
from typing import Any


class Entry(Traversable):
    """A file or a folder among *files*, which are compressed."""

    def __init__(self, files: Mapping[str, bytes], path: str) -> None:
        self._files = files
        self._path = path

    @property
    def name(self) -> str:
        return self._path.rpartition("/")[2]

    def iterdir(self) -> Iterator["Entry"]:
        names = {path.split("/")[0] for path in self._below()}
        return iter([Entry(self._files, f"{self._path}/{name}") for name in sorted(names)])

    def is_dir(self) -> bool:
        return any(True for _ in self._below())

    def is_file(self) -> bool:
        return self._path in self._files

    def joinpath(self, *descendants: Any) -> "Entry":
        return Entry(self._files, "/".join([self._path, *map(str, descendants)]))

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        packed = self._files.get(self._path)
        if packed is None:
            raise (IsADirectoryError if self.is_dir() else FileNotFoundError)(self._path)
        data = io.BytesIO(zlib.decompress(packed))
        return data if "b" in mode else io.TextIOWrapper(data, *args, **kwargs)

    def _below(self) -> Iterator[str]:
        start = f"{self._path}/"
        return (path[len(start) :] for path in self._files if path.startswith(start))


class Folder(TraversableResources):
    """The files of a package."""

    def __init__(self, files: Mapping[str, bytes], path: str) -> None:
        self._entry = Entry(files, path)

    def files(self) -> Entry:
        return self._entry
