"""What other modules are changed into when they are imported, such that they work in a sandbox."""

import hmac
from collections.abc import Callable
from contextvars import copy_context
from types import ModuleType, SimpleNamespace
from typing import Any


def anyio_threads(module: ModuleType) -> None:
    """`anyio.to_thread.run_sync`, with which Starlette and FastAPI call what is not a coroutine:
    in the only thread there is, at once."""

    async def run_sync_in_worker_thread(
        cls: Any,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        abandon_on_cancel: bool = False,
        limiter: Any = None,
    ) -> Any:
        await cls.checkpoint()
        return copy_context().run(func, *args)

    module.AsyncIOBackend.run_sync_in_worker_thread = classmethod(run_sync_in_worker_thread)


def xray_emitter(module: ModuleType) -> None:
    """Of the X-Ray SDK, which opens a socket when it is imported: what it sends to its daemon is
    lost, as where there is no daemon."""
    silent = SimpleNamespace(setblocking=lambda flag: None, sendto=lambda data, address: len(data))
    module.socket = SimpleNamespace(socket=lambda *args: silent, AF_INET=2, SOCK_DGRAM=2)


def hashlib_derivation(module: ModuleType) -> None:
    """`hashlib.pbkdf2_hmac`, which the standard library takes from OpenSSL. RFC 8018, 5.2."""
    if hasattr(module, "pbkdf2_hmac"):
        return

    def pbkdf2_hmac(
        hash_name: str, password: bytes, salt: bytes, iterations: int, dklen: int | None = None
    ) -> bytes:
        if iterations < 1:
            raise ValueError("iteration value must be greater than 0.")
        keyed = hmac.new(bytes(password), digestmod=hash_name)
        length = keyed.digest_size if dklen is None else dklen
        if length < 1:
            raise ValueError("key length must be greater than 0.")
        blocks = b""
        while len(blocks) < length:
            number = len(blocks) // keyed.digest_size + 1
            turn = _digest(keyed, bytes(salt) + number.to_bytes(4))
            block = int.from_bytes(turn)
            for _ in range(iterations - 1):
                turn = _digest(keyed, turn)
                block ^= int.from_bytes(turn)
            blocks += block.to_bytes(keyed.digest_size)
        return blocks[:length]

    module.pbkdf2_hmac = pbkdf2_hmac


def _digest(keyed: Any, message: bytes) -> bytes:
    copied = keyed.copy()
    copied.update(message)
    digest: bytes = copied.digest()
    return digest
