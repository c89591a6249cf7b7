"""Who makes a request, for applications that read its body whole and at once."""

from collections.abc import Callable, Collection

from starlette.types import Receive, Scope

from wasmfaas.api import bodies
from wasmfaas.api.messages import declared_length, headers_of
from wasmfaas.auth.authenticator import LAMBDA, Authenticator
from wasmfaas.auth.principals import Principal
from wasmfaas.auth.scopes import address_of, request_of
from wasmfaas.errors import NotAuthenticated, WasmfaasError


class Callers:
    """Reads requests and tells who made them. Lifetime: process."""

    def __init__(self, authenticator: Authenticator, services: Collection[str] = LAMBDA) -> None:
        self._authenticator = authenticator
        self._services = services

    async def admit(
        self,
        scope: Scope,
        receive: Receive,
        bytes_max: int,
        too_large: Callable[[], WasmfaasError],
    ) -> tuple[Principal, bytearray]:
        """Who made the request, and its body.

        Raises NotAuthenticated, after a while where there were many; and as `bodies.read` does.
        """
        request = request_of(scope)
        try:
            claim = self._authenticator.claimed(request, self._services)
            body = await bodies.read(
                receive, declared_length(headers_of(scope)), bytes_max, too_large
            )
            return await claim.proven(body), body
        except NotAuthenticated as error:
            await self._authenticator.failed(request, address_of(scope), error)
            raise
