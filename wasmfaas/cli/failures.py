"""What ends a command early, and with which exit status.

    Failure        1  the command could not do what it was asked to
    ├── Refused    1  the server refused the request; carries the server's code and message
    └── NoServer   3  no server answers

A wrong command line is Typer's own exception and exit status 2.
"""

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_NO_SERVER = 3
EXIT_INTERRUPTED = 130


class Failure(Exception):
    """`code` is stable and machine-readable, `message` is for people."""

    exit_status = EXIT_FAILURE

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Refused(Failure):
    """The server answered with an error; `http_status` is its HTTP status."""

    def __init__(self, code: str, message: str, http_status: int) -> None:
        super().__init__(code, message)
        self.http_status = http_status


class NoServer(Failure):
    """Nothing answers, or nothing is known to be running."""

    exit_status = EXIT_NO_SERVER

    def __init__(self, message: str) -> None:
        super().__init__("NoServer", message)
