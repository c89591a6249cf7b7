"""Tells what this machine gives to sandboxes, as one JSON object on stdout:
`python -m wasmfaas.sandbox.survey`. A process of its own, as it jails itself to find out."""

import importlib.metadata
import json
import platform
import sys

from wasmfaas.sandbox import jail
from wasmfaas.sandbox.snapshot import PageMap


def main() -> None:
    """Entry point."""
    page_map = PageMap()
    found: dict[str, object] = {
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "wasmtime": importlib.metadata.version("wasmtime"),
        "restores": page_map.is_supported(),
    }
    # From here on no file can be read any more.
    report = jail.enter(jail.JailPolicy())
    found |= {"jail_active": report.active, "jail_missing": report.missing}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
