"""Runs componentize-py in a process that ends with its parent: `python -m
wasmfaas.sandbox.componentize PARENT_PID ARGUMENTS…`."""

import sys

from componentize_py import script  # type: ignore[import-untyped]

from wasmfaas.sandbox.jail import die_with_parent


def main() -> None:
    """Entry point."""
    die_with_parent(int(sys.argv[1]))
    sys.argv = ["componentize-py", *sys.argv[2:]]
    sys.exit(script())


if __name__ == "__main__":
    main()
