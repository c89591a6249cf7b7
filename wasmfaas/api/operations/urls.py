"""Function URLs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.api.views import Views
from wasmfaas.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from wasmfaas.models import LATEST, Function
from wasmfaas.store.registry import Registry

NOT_THERE = "The resource you requested does not exist."
#: Answers of CreateFunctionUrlConfig lack it.
MODIFIED = "LastModifiedTime"


class UrlOperations:
    """Handlers of the operations on function URLs. Lifetime: process.

    *clock* gives Unix time in seconds.
    """

    def __init__(
        self, *, registry: Registry, names: Names, views: Views, clock: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._names = names
        self._views = views
        self._clock = clock

    def rows(self) -> Mapping[str, Handler]:
        return {
            "CreateFunctionUrlConfig": self.create,
            "GetFunctionUrlConfig": self.get,
            "UpdateFunctionUrlConfig": self.update,
            "DeleteFunctionUrlConfig": self.delete,
            "ListFunctionUrlConfigs": self.list_urls,
        }

    async def create(self, call: Call) -> Reply:
        _check_supported(call.parameters)
        function = await self._function(call)
        if function.url_configuration is not None:
            raise ResourceConflict(
                "Failed to create function url config for [functionArn = "
                f"{self._names.arn(function.name)}]. Error message:  FunctionUrlConfig exists "
                "for this Lambda function"
            )
        now = self._now()
        configuration = {"InvokeMode": "BUFFERED", **_given(call.parameters)}
        configuration |= {"CreationTime": now, MODIFIED: now}
        function = await self._registry.set_url(function.name, configuration)
        shown = self._views.url(function, call.authority)
        shown.pop(MODIFIED)
        return Reply(shown)

    async def get(self, call: Call) -> Reply:
        function = await self._with_url(call)
        return Reply(self._views.url(function, call.authority))

    async def update(self, call: Call) -> Reply:
        _check_supported(call.parameters)
        function = await self._with_url(call)
        configuration = {**(function.url_configuration or {}), **_given(call.parameters)}
        if not configuration.get("Cors"):
            configuration.pop("Cors", None)
        configuration[MODIFIED] = self._now()
        function = await self._registry.set_url(function.name, configuration)
        return Reply(self._views.url(function, call.authority))

    async def delete(self, call: Call) -> Reply:
        function = await self._with_url(call)
        await self._registry.set_url(function.name, None)
        return Reply()

    async def list_urls(self, call: Call) -> Reply:
        function = await self._registry.get(self._names.unqualified(call.function))
        has_url = function.url_configuration is not None
        shown = [self._views.url(function, call.authority)] if has_url else []
        return Reply({"FunctionUrlConfigs": shown})

    async def _function(self, call: Call) -> Function:
        reference = self._names.parse(call.function, call.qualifier)
        if reference.qualifier not in (None, LATEST):
            raise ResourceNotFound("Function does not exist")
        try:
            return await self._registry.get(reference.name)
        except ResourceNotFound:
            raise ResourceNotFound("Function does not exist") from None

    async def _with_url(self, call: Call) -> Function:
        try:
            function = await self._function(call)
        except ResourceNotFound:
            raise ResourceNotFound(NOT_THERE) from None
        if function.url_configuration is None:
            raise ResourceNotFound(NOT_THERE)
        return function

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._clock(), UTC)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: parameters[name] for name in ("AuthType", "Cors", "InvokeMode") if name in parameters
    }


def _check_supported(parameters: Mapping[str, Any]) -> None:
    if parameters.get("AuthType") == "AWS_IAM":
        raise InvalidParameterValue(
            "AuthType AWS_IAM is not supported by this server yet: it does not check signatures. "
            "Use NONE; only this machine can reach the URL."
        )
    if parameters.get("InvokeMode") == "RESPONSE_STREAM":
        raise InvalidParameterValue(
            "InvokeMode RESPONSE_STREAM is not supported by this server yet. Use BUFFERED."
        )
