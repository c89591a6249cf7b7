"""The account, and settings that functions here all have alike."""

from collections.abc import Mapping

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.settings import Settings
from wasmfaas.store.attachments import Attachments
from wasmfaas.store.registry import Registry

#: Lambda's quota; here the disk is the limit.
TOTAL_CODE_BYTES = 75 * 1024**3
PAGE = 500


class AccountOperations:
    """Handlers of operations that only read what is the same for all. Lifetime: process."""

    def __init__(
        self, *, settings: Settings, registry: Registry, attachments: Attachments, names: Names
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._attachments = attachments
        self._names = names

    def rows(self) -> Mapping[str, Handler]:
        return {
            "GetAccountSettings": self.get_settings,
            "GetFunctionCodeSigningConfig": self.get_code_signing,
        }

    async def get_settings(self, call: Call) -> Reply:
        count, code_bytes = await self._usage()
        concurrency = self._settings.concurrency_max
        reserved = sum((await self._attachments.reservations()).values())
        return Reply(
            {
                "AccountLimit": {
                    "TotalCodeSize": TOTAL_CODE_BYTES,
                    "CodeSizeUnzipped": self._settings.unzipped_bytes_max,
                    "CodeSizeZipped": self._settings.zipped_bytes_max,
                    "ConcurrentExecutions": concurrency,
                    "UnreservedConcurrentExecutions": concurrency - reserved,
                },
                "AccountUsage": {"TotalCodeSize": code_bytes, "FunctionCount": count},
            }
        )

    async def get_code_signing(self, call: Call) -> Reply:
        """Terraform reads this for every function and fails on any error."""
        name = self._names.unqualified(call.function)
        function = await self._registry.get(name)
        return Reply({"FunctionName": function.name, "CodeSigningConfigArn": ""})

    async def _usage(self) -> tuple[int, int]:
        count = code_bytes = 0
        marker: str | None = None
        while True:
            functions, marker = await self._registry.list_functions(marker, PAGE)
            count += len(functions)
            code_bytes += sum(each.shown.code_size_bytes for each in functions)
            if marker is None:
                return count, code_bytes
