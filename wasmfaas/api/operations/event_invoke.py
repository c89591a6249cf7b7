"""How asynchronous invocations of a function are handled: retries, ages, destinations."""

import re
from collections.abc import Mapping
from typing import Any

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.api.pages import page_of
from wasmfaas.api.places import Place, Places
from wasmfaas.errors import InvalidParameterValue, ResourceNotFound
from wasmfaas.models import LATEST
from wasmfaas.services.webhooks import Webhooks, is_webhook
from wasmfaas.store.attachments import Attachment, Kind, Value
from wasmfaas.store.registry import Registry

MEMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
#: Services that results can be sent to, by the third part of an ARN.
SERVICES = ("lambda", "sqs", "sns")
#: Those to which Lambda can send as well.
UNSERVED = ("events", "s3")
PAGE_MAX = 50
NO_FUNCTION = "The function doesn't exist."
_FUNCTION = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:\d{12}:function:[a-zA-Z0-9-_]+(:[a-zA-Z0-9$-_]+)?",
    re.ASCII,
)


class Destinations:
    """Checks where results are to be sent. Lifetime: process."""

    def __init__(self, *, registry: Registry, names: Names, webhooks: Webhooks) -> None:
        self._registry = registry
        self._names = names
        self._webhooks = webhooks

    async def checked(self, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """*config*, a DestinationConfig, if results of *name* can be sent there.

        Raises InvalidParameterValue.
        """
        destinations = {
            member: config.get(member, {}).get("Destination")
            for member in ("OnSuccess", "OnFailure")
        }
        for arn in filter(None, destinations.values()):
            _check_service(arn)
            self._check_webhook(arn)
            await self._check_function(name, arn)
        if any(arn and not _is_destination(arn) for arn in destinations.values()):
            raise InvalidParameterValue(
                "The provided destination config DestinationConfig("
                f"onSuccess={_told('OnSuccess', destinations)}, "
                f"onFailure={_told('OnFailure', destinations)}) is invalid."
            )
        return {member: {"Destination": arn} if arn else {} for member, arn in destinations.items()}

    def _check_webhook(self, url: str) -> None:
        objection = self._webhooks.objection(url) if is_webhook(url) else None
        if objection is not None:
            raise InvalidParameterValue(
                f"The destination {url[:200]!a} cannot be sent to. {objection}"
            )

    async def _check_function(self, name: str, arn: str) -> None:
        if not _FUNCTION.fullmatch(arn):
            return
        try:
            reference = self._names.parse(arn)
            await self._registry.require(reference.name, reference.qualifier)
        except ResourceNotFound:
            raise InvalidParameterValue(f"The destination ARN {arn} is invalid.") from None
        if reference.name == name:
            raise InvalidParameterValue(
                "You can't specify the function as a destination for itself."
            )


class EventInvokeOperations:
    """Handlers of the operations on event invoke configurations. Lifetime: process."""

    def __init__(
        self, *, registry: Registry, places: Places, names: Names, destinations: Destinations
    ) -> None:
        self._registry = registry
        self._attachments = registry.attachments
        self._places = places
        self._names = names
        self._destinations = destinations

    def rows(self) -> Mapping[str, Handler]:
        return {
            "PutFunctionEventInvokeConfig": self.put,
            "UpdateFunctionEventInvokeConfig": self.update,
            "GetFunctionEventInvokeConfig": self.get,
            "DeleteFunctionEventInvokeConfig": self.delete,
            "ListFunctionEventInvokeConfigs": self.list_all,
        }

    async def put(self, call: Call) -> Reply:
        place, given = await self._given(call)
        return await self._changed(place, lambda _: given)

    async def update(self, call: Call) -> Reply:
        place, given = await self._given(call)

        def changed(before: Value | None) -> Value:
            if before is None:
                raise self._missing(place)
            return {**before, **given}

        return await self._changed(place, changed)

    async def get(self, call: Call) -> Reply:
        place = self._qualified(self._places.named(call.function, call.qualifier))
        found = await self._attachments.get(place.name, Kind.EVENT_INVOKE, place.qualifier)
        if found is None:
            raise self._missing(place)
        return Reply(self._shown(found))

    async def delete(self, call: Call) -> Reply:
        place = self._qualified(self._places.named(call.function, call.qualifier))

        def changed(before: Value | None) -> None:
            if before is None:
                raise self._missing(place)

        try:
            await self._attachments.change(place.name, Kind.EVENT_INVOKE, place.qualifier, changed)
        except ResourceNotFound:
            raise self._missing(place) from None
        return Reply()

    async def list_all(self, call: Call) -> Reply:
        place = self._places.named(call.function)
        try:
            await self._registry.get(place.name)
        except ResourceNotFound:
            raise ResourceNotFound(NO_FUNCTION) from None
        found = await self._attachments.of_function(place.name, Kind.EVENT_INVOKE)
        page, marker = page_of(found, call.parameters, PAGE_MAX, lambda each: each.qualifier)
        shown = [self._shown(each) for each in page]
        return Reply({"FunctionEventInvokeConfigs": shown, "NextMarker": marker})

    async def _given(self, call: Call) -> tuple[Place, dict[str, Any]]:
        """What the request wants to attach, and where. Raises InvalidParameterValue."""
        given = {name: call.parameters[name] for name in MEMBERS if name in call.parameters}
        if not given:
            raise InvalidParameterValue(
                "You must specify at least one of error handling or destination setting."
            )
        try:
            place = self._qualified(await self._places.find(call.function, call.qualifier))
        except ResourceNotFound:
            raise ResourceNotFound(NO_FUNCTION) from None
        if "DestinationConfig" in given:
            config = given["DestinationConfig"]
            given["DestinationConfig"] = await self._destinations.checked(place.name, config)
        return place, given

    async def _changed(self, place: Place, changed: Any) -> Reply:
        written = await self._attachments.change(
            place.name, Kind.EVENT_INVOKE, place.qualifier, changed
        )
        assert written is not None, "nothing is taken away here"
        return Reply(self._shown(written))

    def _qualified(self, place: Place) -> Place:
        qualifier = place.qualifier or LATEST
        return Place(place.name, qualifier, self._names.arn(place.name, qualifier))

    def _shown(self, attachment: Attachment) -> dict[str, Any]:
        return {
            "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
            **attachment.value,
            "FunctionArn": self._names.arn(attachment.function_name, attachment.qualifier),
            "LastModified": attachment.modified_at_ms / 1000,
        }

    def _missing(self, place: Place) -> ResourceNotFound:
        return ResourceNotFound(f"The function {place.arn} doesn't have an EventInvokeConfig")


def _check_service(arn: str) -> None:
    """Lambda sends to more services than this server does. Better no than silence."""
    service = arn.split(":", 3)[2] if arn.count(":") >= 5 else ""
    if arn.startswith("kafka://") or service in UNSERVED:
        raise InvalidParameterValue(
            f"The destination {arn[:200]!a} cannot be sent to by this server. It sends to "
            "functions, queues (SQS), topics (SNS) and webhooks (https://…)."
        )


def _is_destination(arn: str) -> bool:
    if is_webhook(arn):
        return True
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] not in SERVICES:
        return False
    return parts[2] != "lambda" or _FUNCTION.fullmatch(arn) is not None


def _told(member: str, destinations: Mapping[str, str | None]) -> str:
    arn = destinations[member]
    return f"{member}(destination={arn})" if arn else "null"
