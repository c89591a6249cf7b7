"""How settings are declared, and the defaults that depend on the machine."""

import dataclasses
import os
from pathlib import Path
from typing import Any

ENVIRONMENT_PREFIX = "WASMFAAS_"


class InvalidSetting(ValueError):
    """A setting has a value that cannot be used; the message names the setting and the value."""


def setting(default: Any, help: str, *, least: int | None = None) -> Any:
    """A field of a default that is the same everywhere."""
    return dataclasses.field(default=default, metadata={"help": help, "least": least})


def secret(help: str) -> Any:
    """Comes from the environment only: everybody on the machine can read a command line."""
    return dataclasses.field(
        default="",
        repr=False,
        metadata={"help": help, "shown": "none", "least": None, "secret": True},
    )


def computed(factory: Any, help: str, shown: str, *, least: int | None = None) -> Any:
    """A field whose default *factory* makes; people are shown *shown*."""
    metadata = {"help": help, "shown": shown, "least": least}
    return dataclasses.field(default_factory=factory, metadata=metadata)


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/wasmfaas`, as the XDG base directory specification says."""
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".local/share") / "wasmfaas"


def default_cache_dir() -> Path:
    """`$XDG_CACHE_HOME/wasmfaas`, as the XDG base directory specification says."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".cache") / "wasmfaas"


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def environment_name(name: str) -> str:
    """`data_dir` → `WASMFAAS_DATA_DIR`."""
    return ENVIRONMENT_PREFIX + name.upper()


def has_flag(field: "dataclasses.Field[Any]") -> bool:
    """Whether *field* can be set on the command line."""
    return "secret" not in field.metadata


def flag_name(name: str) -> str:
    """`data_dir` → `--data-dir`."""
    return "--" + name.replace("_", "-")


def shown_default(field: "dataclasses.Field[Any]") -> str:
    """The default of *field* for people."""
    if field.default is None or field.default is False:
        return "none" if field.default is None else "off"
    return str(field.metadata.get("shown", field.default))
