"""Where the code of a function or of a layer comes from."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from wasmfaas.api.object_store import ObjectStore
from wasmfaas.api.rules import check_supported
from wasmfaas.errors import InvalidParameterValue

#: Packages from the object store that are held at once; more wait.
_FETCHED_MAX: Final = 4
_ELSEWHERE: Final = ("S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode", "ImageUri")


class CodeSources:
    """Gets packages. Lifetime: process."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._fetched = asyncio.Semaphore(_FETCHED_MAX)

    @asynccontextmanager
    async def package(self, code: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """The zip that *code*, members of FunctionCode or LayerVersionContentInput, names; held
        only here.

        Raises InvalidParameterValue where there is none, or another source beside it, and as
        `ObjectStore.read`.
        """
        check_supported(
            {
                name: code.get(name)
                for name in ("SourceKMSKeyArn", "S3ObjectStorageMode", "ImageUri")
            }
        )
        package: bytes | None = code.get("ZipFile")
        if package is not None:
            if any(code.get(name) for name in _ELSEWHERE):
                raise InvalidParameterValue(
                    "Please do not provide other FunctionCode parameters when providing a ZipFile."
                )
            yield package
            return
        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        if not bucket or not key:
            raise InvalidParameterValue("Please provide a source for function code.")
        async with self._fetched:
            yield await self._objects.read(bucket, key, code.get("S3ObjectVersion"))
