"""Modules that are changed when they are imported, such that they work in a sandbox."""

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

#: The function that changes each, as `module:name`, in modules that are imported when it is time.
_ADAPTED = {
    "anyio._backends._asyncio": "wasmfaas._adapted:anyio_threads",
    "aws_xray_sdk.core.emitters.udp_emitter": "wasmfaas._adapted:xray_emitter",
    "hashlib": "wasmfaas._adapted:hashlib_derivation",
    "http.client": "wasmfaas._clients:http_client",
    "httpcore._backends.anyio": "wasmfaas._clients:httpcore_anyio",
    "httpcore._backends.sync": "wasmfaas._clients:httpcore_sync",
    "urllib3.connection": "wasmfaas._clients:urllib3_connection",
    "urllib3.util.wait": "wasmfaas._clients:urllib3_wait",
}


class Adaptations(importlib.abc.MetaPathFinder):
    """The first finder: lets the others find, and has what they load changed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        adaptation = _ADAPTED.get(fullname)
        if adaptation is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader, adaptation)
                return spec
        return None


class _Loader(importlib.abc.Loader):
    """Loads as another loader does, and then changes what that has loaded."""

    def __init__(self, loader: Any, adaptation: str) -> None:
        self._loader = loader
        self._adaptation = adaptation

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        home, _, name = self._adaptation.partition(":")
        getattr(importlib.import_module(home), name)(module)
