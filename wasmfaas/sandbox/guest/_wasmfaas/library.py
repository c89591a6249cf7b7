"""The standard library, kept in the image as compressed code, so that it can be imported at any
time: the files it came from exist only while the component is built."""

import importlib.abc
import importlib.machinery
import importlib.util
import marshal
import os
import sys
import zlib
from types import CodeType, ModuleType
from typing import Any

#: Where tracebacks say that the standard library is.
LIBRARY_PATH = f"/var/lang/lib/python{sys.version_info.major}.{sys.version_info.minor}"
#: Needs what WASI has not (a display, a network, a package index) or is only for CPython's own use.
_LEFT_OUT = ("site-packages", "__pycache__", "test", "tests", "idlelib", "tkinter", "ensurepip",
             "turtledemo", "bundled")  # fmt: skip
#: Packages whose other files are kept as well.
_WITH_DATA = "tzdata"


class Library(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finder and loader of what `collect` compiled."""

    def __init__(self) -> None:
        self._modules: dict[str, tuple[bool, bytes]] = {}
        #: Files beside modules, compressed, by path.
        self._files: dict[str, bytes] = {}

    def collect(self, root: str) -> None:
        """Compile every module below the folder *root*: instead of what there was of its name."""
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
            relative = os.path.relpath(folder, root)
            package = relative.replace(os.sep, ".").lstrip(".")
            for file in sorted(files):
                if file.endswith(".py"):
                    self._compile(os.path.join(folder, file), package, file[:-3])
                elif relative.startswith(_WITH_DATA):
                    with open(os.path.join(folder, file), "rb") as data:
                        self._files[f"{relative}/{file}"] = zlib.compress(data.read(), 9)

    def _compile(self, path: str, package: str, stem: str) -> None:
        is_package = stem == "__init__"
        name = package if is_package else f"{package}.{stem}".lstrip(".")
        if not name:
            return
        shown = f"{LIBRARY_PATH}/{name.replace('.', '/')}{'/__init__' * is_package}.py"
        try:
            with open(path, "rb") as source:
                code = compile(source.read(), shown, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return
        self._modules[name] = is_package, zlib.compress(marshal.dumps(code), 9)

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._modules:
            return None
        spec = importlib.util.spec_from_loader(fullname, self, is_package=self.is_package(fullname))
        assert spec is not None
        spec.origin = f"{LIBRARY_PATH}/{fullname.replace('.', '/')}.py"
        return spec

    def is_package(self, fullname: str) -> bool:
        return self._modules[fullname][0]

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = marshal.loads(zlib.decompress(self._modules[fullname][1]))
        return code

    def get_resource_reader(self, fullname: str) -> Any:
        """Reads the files beside a package. Imported here, as few functions want any."""
        if not self.is_package(fullname):
            return None
        from wasmfaas._resources import Folder

        return Folder(self._files, fullname.replace(".", "/"))

    def get_source(self, fullname: str) -> str | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        code = self.get_code(module.__name__)
        module.__dict__.setdefault("__file__", code.co_filename)
        exec(code, module.__dict__)
