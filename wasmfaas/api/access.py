"""Which callers may use which operation of the Lambda API."""

from wasmfaas.api.names import Names
from wasmfaas.api.routing import Route
from wasmfaas.auth import roles
from wasmfaas.auth.principals import Principal, Role
from wasmfaas.errors import WasmfaasError

_ARN_MEMBERS = ("Resource", "ResourceArn", "CodeSigningConfigArn", "DurableExecutionArn")


def check_access(principal: Principal, route: Route, names: Names) -> None:
    """Raise NotAuthorized unless *principal* may do what *route* asks for."""
    if principal.role is Role.ADMIN:
        return
    action = roles.action_of(route.operation.name)
    given = route.path_parameters.get("FunctionName")
    if not roles.allows(principal, action, given and _name(given, names)):
        raise roles.refusal(principal, action, _resource(route, names))


def _name(given: str, names: Names) -> str | None:
    """The function that a request means by *given*; None where it is no name of one here."""
    try:
        return names.parse(given).name
    except WasmfaasError:
        return None


def _resource(route: Route, names: Names) -> str:
    parameters = route.path_parameters
    given = parameters.get("FunctionName")
    if given is not None:
        return given if given.startswith("arn:") else names.arn(_name(given, names) or given)
    layer = parameters.get("LayerName")
    if layer is not None:
        return f"arn:aws:lambda:{names.region}:{names.account_id}:layer:{layer}"
    return next((parameters[name] for name in _ARN_MEMBERS if name in parameters), "*")
