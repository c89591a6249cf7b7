"""Settings of functions that have one small object each: recursion, and runtime updates."""

from collections.abc import Mapping

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.api.places import Place, Places
from wasmfaas.api.views import Views
from wasmfaas.errors import InvalidParameterValue, ResourceNotFound
from wasmfaas.models import LATEST
from wasmfaas.store.attachments import Kind
from wasmfaas.store.registry import Registry

RECURSION = {"RecursiveLoop": "Terminate"}
UPDATES = {"UpdateRuntimeOn": "Auto"}


class BehaviourOperations:
    """Handlers of these operations. Lifetime: process."""

    def __init__(
        self,
        *,
        registry: Registry,
        places: Places,
        names: Names,
        views: Views,
    ) -> None:
        self._registry = registry
        self._attachments = registry.attachments
        self._places = places
        self._names = names
        self._views = views

    def rows(self) -> Mapping[str, Handler]:
        return {
            "PutFunctionRecursionConfig": self.put_recursion,
            "GetFunctionRecursionConfig": self.get_recursion,
            "PutRuntimeManagementConfig": self.put_updates,
            "GetRuntimeManagementConfig": self.get_updates,
        }

    async def put_recursion(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        value = {"RecursiveLoop": call.parameters["RecursiveLoop"]}
        await self._attachments.change(name, Kind.RECURSION, "", lambda _: value)
        return Reply(value)

    async def get_recursion(self, call: Call) -> Reply:
        name = self._names.unqualified(call.function)
        await self._registry.get(name)
        found = await self._attachments.get(name, Kind.RECURSION)
        return Reply(RECURSION if found is None else found.value)

    async def put_updates(self, call: Call) -> Reply:
        """There is one version of each runtime here, so that every mode keeps that."""
        place = await self._place(call)
        value = {"UpdateRuntimeOn": call.parameters["UpdateRuntimeOn"]}
        arn = call.parameters.get("RuntimeVersionArn")
        if (arn is not None) != (value["UpdateRuntimeOn"] == "Manual"):
            raise InvalidParameterValue(
                "RuntimeVersionArn must be given where UpdateRuntimeOn is Manual, and only there."
            )
        if arn is not None:
            version = await self._registry.require(place.name, place.qualifier)
            current = self._views.runtime_arn(version.deployment)
            if arn != current:
                raise InvalidParameterValue(
                    f"RuntimeVersionArn is {arn[:200]!r}, but this server has only {current} to "
                    "run this function."
                )
            value["RuntimeVersionArn"] = arn
        await self._attachments.change(
            place.name, Kind.RUNTIME_MANAGEMENT, place.qualifier, lambda _: value
        )
        return Reply({**value, "FunctionArn": place.arn})

    async def get_updates(self, call: Call) -> Reply:
        place = await self._place(call)
        found = await self._attachments.get(place.name, Kind.RUNTIME_MANAGEMENT, place.qualifier)
        value = UPDATES if found is None else found.value
        return Reply({**value, "FunctionArn": place.arn})

    async def _place(self, call: Call) -> Place:
        """A version: an alias has no runtime of its own."""
        place = await self._places.find(call.function, call.qualifier)
        qualifier = place.qualifier or LATEST
        if qualifier != LATEST and not qualifier.isdecimal():
            raise ResourceNotFound(f"Function not found: {place.arn}")
        return Place(place.name, qualifier, place.arn)
