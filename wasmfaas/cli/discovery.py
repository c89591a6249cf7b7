"""Which server a command talks to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wasmfaas.cli.failures import Failure, NoServer
from wasmfaas.declaration import default_data_dir, environment_name
from wasmfaas.exposure import LOOPBACK_HOSTS

URL_VARIABLE = "WASMFAAS_URL"
SERVER_FILE = "server.json"
ADVICE = "start one with `wasmfaas up`"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server should be, and who says so, for messages."""

    url: str
    said_by: str
    #: Its data directory, where that is known to be on this machine.
    directory: Path | None = None
    #: The certificate that it shows, in PEM; None where any authority may vouch for it.
    certificate: Path | None = None


def locate(url: str | None, data_dir: Path | None, environment: Mapping[str, str]) -> Address:
    """The address that the command line names, else the environment, else the server that runs on
    the data directory. A data directory on the command line wins over a URL in the environment.

    Raises NoServer where no server runs on the data directory, Failure for what is not a URL.
    """
    directory = data_dir or Path(
        environment.get(environment_name("data_dir")) or default_data_dir()
    )
    if url:
        return _named(url, "--url", directory)
    if environment.get(URL_VARIABLE) and data_dir is None:
        return _named(environment[URL_VARIABLE], URL_VARIABLE, directory)
    path = directory / SERVER_FILE
    document = _read(path)
    return _of_file(document, path, directory)


def _named(url: str, said_by: str, directory: Path) -> Address:
    """The address *url*, with what is known of it where it is that of the server on *directory*."""
    checked = _checked(url, said_by)
    try:
        path = directory / SERVER_FILE
        local = _of_file(_read(path), path, directory)
    except Failure:
        return Address(checked, said_by)
    if _place(local.url) != _place(checked):
        return Address(checked, said_by)
    return Address(checked, said_by, directory, local.certificate)


def _of_file(document: Mapping[str, Any], path: Path, directory: Path) -> Address:
    url, certificate = document.get("url"), document.get("tls_cert")
    if not isinstance(url, str):
        raise NoServer(f"{path} names no url, so no server can be found; {ADVICE}")
    known = Path(certificate) if isinstance(certificate, str) else None
    return Address(_checked(url, str(path)), str(path), directory, known)


def _place(url: str) -> tuple[str, str, int | None]:
    """What two URLs of the same server have in common."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme, "localhost" if host in LOOPBACK_HOSTS else host, parts.port


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NoServer(f"no server at {path.parent}; {ADVICE}") from None
    except OSError as error:
        raise NoServer(f"cannot read {path}: {error.strerror}; {ADVICE}") from None
    except ValueError:
        raise NoServer(f"{path} is not JSON, so no server can be found; {ADVICE}") from None
    return document if isinstance(document, dict) else {}


def _checked(url: str, said_by: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        valid = False
    if not valid:
        message = f"{said_by} says {url!r}, but a URL such as http://127.0.0.1:3001 is needed"
        raise Failure("InvalidUrl", message)
    return url.rstrip("/")
