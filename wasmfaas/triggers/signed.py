"""Function URLs of AuthType AWS_IAM: who calls, and whether they may."""

from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

from wasmfaas.auth import roles
from wasmfaas.auth.authenticator import Authenticator, Unproven
from wasmfaas.auth.principals import Principal
from wasmfaas.auth.scopes import address_of, request_of
from wasmfaas.errors import (
    MissingAuthentication,
    NotAuthenticated,
    UrlForbidden,
    WasmfaasError,
)
from wasmfaas.policy import url_request
from wasmfaas.triggers.url_targets import UrlTarget

AWS_IAM = "AWS_IAM"


class SignedCalls:
    """Checks calls of URLs that are not open to everybody. Lifetime: process."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def claimed(self, target: UrlTarget, scope: Scope) -> Unproven:
        """Check what can be checked before the body is read.

        Raises UrlForbidden for a URL of AuthType NONE, and NotAuthenticated.
        """
        if target.auth_type != AWS_IAM:
            raise UrlForbidden
        return self._authenticator.claimed(request_of(scope))

    async def admit(self, target: UrlTarget, claim: Unproven, body: bytes) -> Principal:
        """Who calls. Their role has to allow it, or the function's policy, which must not deny it.

        Raises UrlForbidden and NotAuthenticated.
        """
        principal = await claim.proven(body)
        asked, policy = url_request(target.arn, AWS_IAM, principal.arn), target.policy
        is_denied = policy is not None and policy.denies(asked)
        by_policy = policy is not None and policy.allows(asked)
        by_role = roles.allows(principal, roles.INVOKE_URL, target.name)
        if is_denied or not (by_policy or by_role):
            raise UrlForbidden
        return principal

    async def refusal(self, scope: Scope, error: NotAuthenticated) -> WasmfaasError:
        """What to answer in place of *error*, once it may be answered. Raises TooManyRequests."""
        await self._authenticator.failed(request_of(scope), address_of(scope), error)
        return UrlForbidden() if isinstance(error, MissingAuthentication) else error


def identity(principal: Principal) -> Mapping[str, Any]:
    """The event's `requestContext.authorizer.iam`."""
    return {
        "accessKey": principal.access_key_id,
        "accountId": principal.account_id,
        "callerId": principal.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": principal.arn,
        "userId": principal.user_id,
    }
