"""With which access key commands sign, and how httpx does it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wasmfaas.auth.signer import Credentials, Signer
from wasmfaas.cli.failures import Failure
from wasmfaas.declaration import ENVIRONMENT_PREFIX

if TYPE_CHECKING:
    import httpx

#: Of a request of httpx.
SERVICE_EXTENSION = "aws_service"
KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
#: Those that win over all else.
OWN_KEY_VARIABLES = (f"{ENVIRONMENT_PREFIX}ACCESS_KEY_ID", f"{ENVIRONMENT_PREFIX}SECRET_ACCESS_KEY")


def find(directory: Path | None, environment: Mapping[str, str]) -> Credentials | None:
    """The credentials for the server that runs on the data *directory* (None: not on this machine,
    or not known where).

    Raises Failure where they cannot be read.
    """
    own = _in(environment, OWN_KEY_VARIABLES)
    if own is not None or directory is None:
        return own or _in(environment, KEY_VARIABLES)
    try:
        return Credentials.read(directory)
    except FileNotFoundError:
        return _in(environment, KEY_VARIABLES)
    except OSError as error:
        message = f"cannot read the access key in {directory}: {error.strerror}"
        raise Failure("NoCredentials", message) from None
    except ValueError as error:
        raise Failure("NoCredentials", f"{error}; restart the server to get new ones") from None


def signing(signer: Signer) -> "Callable[[httpx.Request], httpx.Request]":
    """What httpx takes as `auth`. A request is signed for the AWS service that its extension names,
    else for the signer's own."""

    def sign(request: "httpx.Request") -> "httpx.Request":
        body = request.read()
        target = request.url.raw_path
        service = request.extensions.get(SERVICE_EXTENSION, signer.service)
        chosen = replace(signer, service=service)
        request.headers.update(chosen.headers(request.method, target, request.headers, body))
        return request

    return sign


def _in(environment: Mapping[str, str], names: tuple[str, str]) -> Credentials | None:
    key_id, secret = (environment.get(name, "") for name in names)
    return Credentials(key_id, secret) if key_id and secret else None
