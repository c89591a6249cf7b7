"""What goes wrong with services elsewhere."""

from wasmfaas.errors import WasmfaasError


class RemoteFailed(WasmfaasError):
    """Another service has not done what it was asked for.

    `reason` is its own code, such as `AWS.SimpleQueueService.NonExistentQueue`, or one of ours.
    `is_final` says that asking again would be of no use.
    """

    code = "RemoteFailedException"
    status = 502

    def __init__(self, message: str, *, reason: str, is_final: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.is_final = is_final
