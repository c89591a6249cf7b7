"""How clients of HTTP come to have the host's connections instead of sockets."""

from types import ModuleType
from typing import Any

from wasmfaas._connection import Connection


def http_client(module: ModuleType) -> None:
    """`http.client`, and so `urllib.request`."""

    def connect(self: Any) -> None:
        self.sock = Connection(self.host, self.port, self.timeout)

    def connect_securely(self: Any) -> None:
        self.sock = Connection(self.host, self.port, self.timeout).secured()

    module.HTTPConnection.connect = connect
    module.HTTPSConnection.connect = connect_securely


def urllib3_connection(module: ModuleType) -> None:
    """`urllib3`, and so `requests` and `botocore`."""

    def new_connection(self: Any) -> Connection:
        return Connection(self.host, self.port, self.timeout)

    def connect_securely(self: Any) -> None:
        self.sock = self._new_conn().secured()
        # By the host, always.
        self.is_verified = True

    module.HTTPConnection._new_conn = new_connection
    module.HTTPSConnection.connect = connect_securely


def urllib3_wait(module: ModuleType) -> None:
    """What tells whether there is something to read."""

    def wait_for_read(sock: Connection, timeout: float | None = None) -> bool:
        return sock.has_answer()

    def wait_for_write(sock: Connection, timeout: float | None = None) -> bool:
        return not sock.has_answer()

    module.wait_for_read, module.wait_for_write = wait_for_read, wait_for_write


def httpcore_sync(module: ModuleType) -> None:
    """`httpcore`, and so `httpx.Client`."""

    def connect_tcp(
        self: Any, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        return module.SyncStream(Connection(host, port, timeout))

    module.SyncBackend.connect_tcp = connect_tcp


def httpcore_anyio(module: ModuleType) -> None:
    """`httpx.AsyncClient`: while the host fetches, other tasks wait."""
    from httpcore import ConnectError, ReadTimeout

    class Stream(module.AsyncNetworkStream):  # type: ignore[misc, name-defined]
        def __init__(self, connection: Connection) -> None:
            self._connection = connection

        async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            try:
                return self._connection.recv(max_bytes)
            except TimeoutError as error:
                raise ReadTimeout(str(error)) from error

        async def write(self, buffer: bytes, timeout: float | None = None) -> None:
            try:
                self._connection.settimeout(timeout)
                if buffer:
                    self._connection.sendall(buffer)
            except OSError as error:
                raise ConnectError(str(error)) from error

        async def start_tls(self, *args: Any, **kwargs: Any) -> "Stream":
            self._connection.secured()
            return self

        async def aclose(self) -> None:
            self._connection.close()

        def get_extra_info(self, info: str) -> Any:
            # It is at its end after one answer.
            return True if info == "is_readable" else None

    async def connect_tcp(
        self: Any, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any
    ) -> Stream:
        return Stream(Connection(host, port, timeout))

    module.AnyIOBackend.connect_tcp = connect_tcp
