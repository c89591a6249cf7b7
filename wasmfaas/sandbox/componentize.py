"""Builds the Python runtime, in a process that ends with its parent: `python -m
wasmfaas.sandbox.componentize PARENT_PID WHOLE HOLLOW IMAGE ARGUMENTS…`.

componentize-py is called with the arguments, and makes WHOLE, which is then taken apart: HOLLOW is
the same component without the contents of its memory, which go to IMAGE.
"""

import sys
from pathlib import Path

from componentize_py import script  # type: ignore[import-untyped]

from wasmfaas.sandbox.hollow import hollow
from wasmfaas.sandbox.immortals import immortalize_file
from wasmfaas.sandbox.jail import die_with_parent


def main() -> None:
    """Entry point."""
    die_with_parent(int(sys.argv[1]))
    whole, hollowed, image, immortals = (Path(path) for path in sys.argv[2:6])
    sys.argv = ["componentize-py", *sys.argv[6:]]
    status = script()
    if not status:
        hollowed.write_bytes(hollow(whole.read_bytes(), image))
        immortalize_file(image, immortals.read_bytes())
    sys.exit(status)


if __name__ == "__main__":
    main()
