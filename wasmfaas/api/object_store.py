"""Code in an S3-compatible object store: the one that the operator names, and no other."""

import asyncio
import hashlib
import html
import re
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from wasmfaas.auth import sigv4
from wasmfaas.errors import (
    AccessDenied,
    InvalidParameterValue,
    RequestEntityTooLarge,
    ServiceFailure,
)
from wasmfaas.settings import Settings

if TYPE_CHECKING:
    import httpx

#: For the whole object; a stall ends it sooner.
_FETCH_S_MAX: Final = 120.0
_STALL_S_MAX: Final = 20.0
_ERROR_BYTES_MAX: Final = 64 * 1024
_ERROR_CHARACTERS_MAX: Final = 500
_ERROR_CODE = re.compile(r"<Code>\s*([A-Za-z0-9._-]{1,64})\s*</Code>", re.ASCII)
_ERROR_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_NO_BODY: Final = hashlib.sha256(b"").hexdigest()


class _TooLarge(Exception):
    """More than was asked for."""


class ObjectStore:
    """Reads objects. Lifetime: process.

    *clock* gives Unix time in seconds.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock

    async def read(self, bucket: str, key: str, version: str | None = None) -> bytes:
        """The object, a package by its size.

        Raises InvalidParameterValue with the store's own words, AccessDenied where it gives no
        access, RequestEntityTooLarge, and ServiceFailure where it cannot be reached.
        """
        import httpx  # Slow to import, and few servers ever need it.

        endpoint = self._settings.s3_endpoint_url
        if not endpoint:
            raise InvalidParameterValue(
                "S3Bucket and S3Key name code in an object store, but this server has none: its "
                "setting s3_endpoint_url is empty. Set it, or send the package itself, as ZipFile."
            )
        target = _target(bucket, key, version)
        limits = httpx.Timeout(_STALL_S_MAX)
        try:
            async with (
                asyncio.timeout(_FETCH_S_MAX),
                httpx.AsyncClient(timeout=limits, trust_env=False, verify=_trusted()) as client,
                client.stream(
                    "GET", endpoint.rstrip("/") + target, headers=self._headers(target)
                ) as response,
            ):
                if response.status_code != 200:
                    raise _refusal(response.status_code, await _error_text(response), bucket, key)
                return await _bounded(response, self._settings.zipped_bytes_max)
        except _TooLarge:
            raise RequestEntityTooLarge(
                f"Zipped size must be smaller than {self._settings.zipped_bytes_max} bytes"
            ) from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise ServiceFailure(
                f"The object store at {endpoint} (the server's setting s3_endpoint_url) cannot be "
                f"read: {str(error) or type(error).__name__}."
            ) from None

    def _headers(self, target: str) -> dict[str, str]:
        """Of a request for *target*; signed where there are credentials."""
        settings = self._settings
        timestamp = datetime.fromtimestamp(self._clock(), UTC).strftime(sigv4.TIME_FORMAT)
        headers = {
            "host": urlsplit(settings.s3_endpoint_url).netloc,
            "x-amz-content-sha256": _NO_BODY,
            "x-amz-date": timestamp,
        }
        if settings.s3_session_token:
            headers["x-amz-security-token"] = settings.s3_session_token
        if settings.s3_access_key_id:
            headers["authorization"] = self._authorization(target, headers, timestamp)
        return headers | {"accept-encoding": "identity"}

    def _authorization(self, target: str, headers: dict[str, str], timestamp: str) -> str:
        """As for every service, but S3 signs the path just as it is sent."""
        settings = self._settings
        path, _, query = target.partition("?")
        names = ";".join(headers)
        fields = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = f"GET\n{path}\n{query}\n{fields}\n{names}\n{_NO_BODY}".encode()
        scope = sigv4.Scope(timestamp[:8], settings.region, "s3")
        key = sigv4.signing_key(settings.s3_secret_access_key, scope)
        signature = sigv4.signature(key, timestamp, scope, canonical)
        return (
            f"{sigv4.ALGORITHM} Credential={settings.s3_access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )


def _target(bucket: str, key: str, version: str | None) -> str:
    """Path and query of an object, encoded to the last character, so that it is nothing else."""
    if {".", ".."} & {bucket, *key.split("/")}:
        raise InvalidParameterValue(
            f"S3Key is '{key[:200]}', but '.' and '..' as parts of a key are not supported by this "
            "server. Copy the object to another key."
        )
    path = f"/{quote(bucket, safe='-_.~')}/{quote(key, safe='/-_.~')}"
    return path if version is None else f"{path}?versionId={quote(version, safe='-_.~')}"


def _trusted() -> ssl.SSLContext:
    """The system's certificates, or those that SSL_CERT_FILE names."""
    return ssl.create_default_context()


async def _bounded(response: "httpx.Response", bytes_max: int) -> bytes:
    declared = response.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > bytes_max:
        raise _TooLarge
    body = bytearray()
    async for piece in _pieces(response):
        body += piece
        if len(body) > bytes_max:
            raise _TooLarge
    return bytes(body)


def _pieces(response: "httpx.Response") -> AsyncIterator[bytes]:
    """The body as it was sent: what calls itself compressed is not decompressed."""
    return response.aiter_raw()


async def _error_text(response: "httpx.Response") -> str:
    body = bytearray()
    async for piece in _pieces(response):
        body += piece[: _ERROR_BYTES_MAX - len(body)]
        if len(body) == _ERROR_BYTES_MAX:
            break
    return body.decode("utf-8", errors="replace")


def _refusal(status: int, text: str, bucket: str, key: str) -> InvalidParameterValue | AccessDenied:
    """Lambda's error for what an object store answers instead of the object."""
    code, message = _ERROR_CODE.search(text), _ERROR_MESSAGE.search(text)
    name = code[1] if code else f"HTTP {status}"
    said = html.unescape(message[1])[:_ERROR_CHARACTERS_MAX] if message else "none was given."
    words = f"S3 Error Code: {name}. S3 Error Message: {said}"
    if name == "AccessDenied" or (code is None and status == 403):
        return AccessDenied(
            "Your access has been denied by S3, please make sure your request credentials have "
            f"permission to GetObject for {bucket}/{key}. {words}"
        )
    return InvalidParameterValue(f"Error occurred while GetObject. {words}")
