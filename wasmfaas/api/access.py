"""Which callers may use which operation of the Lambda API."""

from typing import Protocol

from wasmfaas.api.names import FunctionReference, Names
from wasmfaas.api.routing import Route
from wasmfaas.auth import roles
from wasmfaas.auth.principals import Principal, Role
from wasmfaas.errors import WasmfaasError
from wasmfaas.models import LATEST
from wasmfaas.policy import Policy, Request

_ARN_MEMBERS = ("Resource", "ResourceArn", "CodeSigningConfigArn", "DurableExecutionArn")
#: No name of a function is longer; validation says so to those who are let in.
_REFERENCE_CHARACTERS_MAX = 512


class Policies(Protocol):
    """Where the policies of functions are looked up."""

    async def policy(self, name: str, qualifier: str = "") -> Policy | None: ...


class Access:
    """Lets in whom their role lets in, and whom the function's policy names, but nobody whom it
    denies; admins always, so that none locks everybody out. Lifetime: process."""

    def __init__(self, names: Names, policies: Policies) -> None:
        self._names = names
        self._policies = policies

    async def check(self, principal: Principal, route: Route) -> None:
        """Raise NotAuthorized unless *principal* may do what *route* asks for."""
        if principal.role is Role.ADMIN:
            return
        action = roles.action_of(route.operation.name)
        reference = self._reference(route)
        by_role = roles.allows(principal, action, reference.name if reference else None)
        allowed, denied = False, False
        if reference is not None:
            allowed, denied = await self._by_policy(principal, action, reference)
        if denied or not (by_role or allowed):
            resource = _resource(route, self._names, reference)
            raise roles.refusal(principal, action, resource, denied=denied)

    async def _by_policy(
        self, principal: Principal, action: str, reference: FunctionReference
    ) -> tuple[bool, bool]:
        """Whether the function's policy allows it, and whether it denies it, whatever the role."""
        name, qualifier = reference.name, reference.qualifier
        # There is no policy of $LATEST: it is what the function's denies as well.
        own = None if qualifier == LATEST else qualifier
        policy = await self._policies.policy(name, own or "")
        if policy is None:
            return False, False
        asked, plain = (
            Request(action=action, resource=self._names.arn(name, each), principal=principal.arn)
            for each in (qualifier, own)
        )
        return policy.allows(asked), policy.denies(asked) or policy.denies(plain)

    def _reference(self, route: Route) -> FunctionReference | None:
        """The function that a request is about; None where it is about none here."""
        given = route.path_parameters.get("FunctionName", "")
        if not 0 < len(given) <= _REFERENCE_CHARACTERS_MAX:
            return None
        try:
            return self._names.parse(given, dict(route.query).get("Qualifier"))
        except WasmfaasError:
            return None


def _resource(route: Route, names: Names, reference: FunctionReference | None) -> str:
    """What the refusal names: an ARN, or `*`."""
    parameters = route.path_parameters
    given = parameters.get("FunctionName")
    if given is not None:
        name = given if reference is None else reference.name
        return given if given.startswith("arn:") else names.arn(name)
    layer = parameters.get("LayerName")
    if layer is not None:
        return f"arn:aws:lambda:{names.region}:{names.account_id}:layer:{layer}"
    return next((parameters[name] for name in _ARN_MEMBERS if name in parameters), "*")
