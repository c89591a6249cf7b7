"""Sources of records that functions are invoked with, behind one interface: `sources.source`."""

from wasmfaas.sources.source import Message, Source, SourceFailed, SourceMapping

__all__ = ["Message", "Source", "SourceFailed", "SourceMapping"]
