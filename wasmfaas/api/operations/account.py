"""The account: what it may have, and what it has."""

from collections.abc import Mapping

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.settings import Settings
from wasmfaas.store.registry import Registry


class AccountOperations:
    """Handler of GetAccountSettings. Lifetime: process."""

    def __init__(self, *, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry

    def rows(self) -> Mapping[str, Handler]:
        return {
            "GetAccountSettings": self.get_settings,
        }

    async def get_settings(self, call: Call) -> Reply:
        count, code_bytes = await self._registry.totals()
        concurrency = self._settings.concurrency_max
        reserved = await self._registry.attachments.claimed()
        return Reply(
            {
                "AccountLimit": {
                    "TotalCodeSize": self._settings.code_bytes_total_max,
                    "CodeSizeUnzipped": self._settings.unzipped_bytes_max,
                    "CodeSizeZipped": self._settings.zipped_bytes_max,
                    "ConcurrentExecutions": concurrency,
                    "UnreservedConcurrentExecutions": concurrency - reserved,
                },
                "AccountUsage": {"TotalCodeSize": code_bytes, "FunctionCount": count},
            }
        )
