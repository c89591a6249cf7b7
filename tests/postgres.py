"""A PostgreSQL server of the tests' own, where the machine has the programs of one."""

import contextlib
import functools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_START_S_MAX = 60
#: PostgreSQL refuses to run as root; who runs it then, if there is such a user.
_USERS = ("postgres", "nobody")


@functools.cache
def programs() -> Path | None:
    """The folder of PostgreSQL's programs; None where there is none. Debian keeps them out of the
    search path."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in versions), default=None, key=lambda path: path.parts)


def user() -> str | None:
    """Who runs it: None for ourselves."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The folder of the socket of a server, which listens nowhere else."""
    folder_of_programs = programs()
    assert folder_of_programs is not None
    # Not pytest's folder: its parents are closed to other users.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder, who = Path(name), user()
        if who is not None:
            shutil.chown(folder, who)
        data = folder / "data"

        def run(program: str, *arguments: object) -> None:
            command = [str(folder_of_programs / program), *map(str, arguments)]
            subprocess.run(
                command, check=True, user=who, cwd=folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

        run("initdb", "-D", data, "-A", "trust", "-U", "tests", "-E", "UTF8", "--no-sync",
            "--locale=C")  # fmt: skip
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=30"
        # What comes back, comes back when it takes connections.
        run("pg_ctl", "-D", data, "-w", "-t", _START_S_MAX, "-l", folder / "log", "-o", options,
            "start")  # fmt: skip
        try:
            yield str(folder)
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def create(folder: str) -> str:
    """The URL of a new, empty database of the server that `running` started."""
    import psycopg

    name = f"t{time.monotonic_ns()}"
    with psycopg.connect(host=folder, user="tests", dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql+psycopg://tests@/{name}?host={folder}"
