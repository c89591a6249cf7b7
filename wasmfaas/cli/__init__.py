"""The command line. It talks to the server over HTTP, as any client would."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """The console entry point: run the command in `sys.argv` and exit with its status."""
    try:
        from wasmfaas.cli.program import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
