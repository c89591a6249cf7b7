"""Where the code of a function or of a layer comes from."""

from collections.abc import Mapping
from typing import Any

from wasmfaas.api.rules import check_supported
from wasmfaas.errors import InvalidParameterValue

ELSEWHERE = ("S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode", "ImageUri")


class CodeSources:
    """Gets packages. Lifetime: process."""

    async def package(self, code: Mapping[str, Any]) -> bytes:
        """The zip that *code*, members of FunctionCode or LayerVersionContentInput, names.

        Raises InvalidParameterValue where there is none, or another source beside it.
        """
        check_supported({"SourceKMSKeyArn": code.get("SourceKMSKeyArn")})
        elsewhere = [name for name in ELSEWHERE if code.get(name)]
        package: bytes | None = code.get("ZipFile")
        if package is not None and elsewhere:
            raise InvalidParameterValue(
                "Please do not provide other FunctionCode parameters when providing a ZipFile."
            )
        if elsewhere:
            raise InvalidParameterValue(
                f"{elsewhere[0]} is not supported by this server: it has no object store or image "
                "registry to read from. Send the package itself, as ZipFile."
            )
        if package is None:
            raise InvalidParameterValue("Please provide a source for function code.")
        return package
