"""Which server a command talks to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wasmfaas.cli.failures import Failure, NoServer
from wasmfaas.settings import default_data_dir, environment_name

URL_VARIABLE = "WASMFAAS_URL"
SERVER_FILE = "server.json"
ADVICE = "start one with `wasmfaas up`"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server should be, and who says so, for messages."""

    url: str
    said_by: str


def locate(url: str | None, data_dir: Path | None, environment: Mapping[str, str]) -> Address:
    """The address that the command line names, else the environment, else the server that runs on
    the data directory. A data directory on the command line wins over a URL in the environment.

    Raises NoServer where no server runs on the data directory, Failure for what is not a URL.
    """
    if url:
        return Address(_checked(url, "--url"), "--url")
    if environment.get(URL_VARIABLE) and data_dir is None:
        return Address(_checked(environment[URL_VARIABLE], URL_VARIABLE), URL_VARIABLE)
    directory = data_dir or Path(
        environment.get(environment_name("data_dir")) or default_data_dir()
    )
    path = directory / SERVER_FILE
    return Address(_checked(_url_in(path), str(path)), str(path))


def _url_in(path: Path) -> str:
    try:
        document: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NoServer(f"no server at {path.parent}; {ADVICE}") from None
    except OSError as error:
        raise NoServer(f"cannot read {path}: {error.strerror}; {ADVICE}") from None
    except ValueError:
        raise NoServer(f"{path} is not JSON, so no server can be found; {ADVICE}") from None
    url = document.get("url") if isinstance(document, dict) else None
    if not isinstance(url, str):
        raise NoServer(f"{path} names no url, so no server can be found; {ADVICE}")
    return url


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
