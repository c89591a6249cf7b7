"""Sources whose client library is an extra of its own, and not imported before it is needed."""

import importlib
from dataclasses import dataclass
from typing import Any

from wasmfaas.sources.endpoints import Endpoints
from wasmfaas.sources.source import Source, SourceFailed, SourceMapping


@dataclass(frozen=True, slots=True)
class OptionalSource:
    """Makes the sources of one module, which has `open_source(endpoints, mapping, *others)`."""

    #: Under `wasmfaas.sources`.
    module: str
    #: The package that it imports, and the extra of ours that installs it.
    package: str
    extra: str
    endpoints: Endpoints
    #: What else it takes to open one.
    others: tuple[Any, ...] = ()

    async def open(self, mapping: SourceMapping) -> Source:
        """The source that *mapping* names. Raises SourceFailed."""
        try:
            module = importlib.import_module(f"wasmfaas.sources.{self.module}")
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != self.package:
                raise
            raise SourceFailed(
                f"The client library {self.package!r} is not installed beside the server: "
                f"pip install 'wasmfaas[{self.extra}]'"
            ) from None
        source: Source = await module.open_source(self.endpoints, mapping, *self.others)
        return source
