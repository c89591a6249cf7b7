"""The SDKs of guest languages, which a project gets a copy of."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def root() -> Traversable:
    """The folder `guest-sdks`: in an installed package a part of it, in a clone beside it."""
    packaged = resources.files("wasmfaas.cli") / "sdks"
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[2] / "guest-sdks"
