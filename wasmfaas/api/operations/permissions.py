"""Who may use a function: its resource policy, by statements and as a whole."""

from collections.abc import Mapping
from typing import Any

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.places import Place, Places
from wasmfaas.api.response import encoded
from wasmfaas.api.statements import statement
from wasmfaas.errors import (
    InvalidParameterValue,
    PolicyLengthExceeded,
    ResourceConflict,
    ResourceNotFound,
)
from wasmfaas.models import LATEST
from wasmfaas.policy import VERSION, InvalidPolicy, Policy
from wasmfaas.store.attachments import Kind, Value
from wasmfaas.store.registry import Registry

POLICY_BYTES_MAX = 20_480
NOT_THERE = "The resource you requested does not exist."
NO_POLICY = "No policy is associated with the given resource."


class PermissionOperations:
    """Handlers of the operations on policies. Lifetime: process."""

    def __init__(self, *, registry: Registry, places: Places) -> None:
        self._registry = registry
        self._attachments = registry.attachments
        self._places = places

    def rows(self) -> Mapping[str, Handler]:
        return {
            "AddPermission": self.add,
            "RemovePermission": self.remove,
            "GetPolicy": self.get,
            "PutResourcePolicy": self.put_whole,
            "GetResourcePolicy": self.get_whole,
            "DeleteResourcePolicy": self.delete_whole,
        }

    async def add(self, call: Call) -> Reply:
        _check_not_latest(self._places.named(call.function, call.qualifier))
        place = await self._places.find(call.function, call.qualifier)
        added = statement(place.arn, call.parameters)

        def changed(before: Value | None) -> Value:
            held = Policy.of(before).statements if before else []
            if any(each.get("Sid") == added["Sid"] for each in held):
                raise ResourceConflict(
                    f"The statement id ({added['Sid']}) provided already exists. Please provide a "
                    "new statement id, or remove the existing statement."
                )
            default = {"Version": VERSION, "Id": "default"}
            return _sized({**(before or default), "Statement": [*held, added]})

        await self._revise(place, changed, call.parameters.get("RevisionId"))
        return Reply({"Statement": encoded(added).decode()})

    async def remove(self, call: Call) -> Reply:
        named = self._places.named(call.function, call.qualifier)
        try:
            await self._registry.get(named.name)
        except ResourceNotFound as error:
            raise ResourceNotFound(
                error.message.replace("Function not found", "No policy found for", 1)
            ) from None
        place = await self._places.find(call.function, call.qualifier)
        sid = call.parameters["StatementId"]

        def changed(before: Value | None) -> Value | None:
            if before is None:
                raise ResourceNotFound(NO_POLICY)
            held = Policy.of(before).statements
            kept = [each for each in held if each.get("Sid") != sid]
            if len(kept) == len(held):
                raise ResourceNotFound(f"Statement {sid} is not found in resource policy.")
            return {**before, "Statement": kept} if kept else None

        await self._revise(place, changed, call.parameters.get("RevisionId"))
        return Reply()

    async def get(self, call: Call) -> Reply:
        named = self._places.named(call.function, call.qualifier)
        await self._registry.get(named.name)
        return await self._described(named)

    async def put_whole(self, call: Call) -> Reply:
        place = await self._resource(call)
        _check_not_latest(place)
        try:
            policy = Policy.parse(call.parameters["Policy"])
        except InvalidPolicy as error:
            raise InvalidParameterValue(f"The policy is not valid: {error}.") from None
        whole = _sized(policy.document)
        revision_id = await self._revise(place, lambda _: whole, call.parameters.get("RevisionId"))
        return Reply({"Policy": policy.text(), "RevisionId": revision_id})

    async def get_whole(self, call: Call) -> Reply:
        return await self._described(await self._resource(call))

    async def delete_whole(self, call: Call) -> Reply:
        place = await self._resource(call)

        def changed(before: Value | None) -> None:
            if before is None:
                raise ResourceNotFound(NO_POLICY)

        await self._revise(place, changed, call.parameters.get("RevisionId"))
        return Reply()

    async def _described(self, place: Place) -> Reply:
        found = await self._attachments.revised(place.name, Kind.POLICY, place.qualifier)
        if found is None:
            raise ResourceNotFound(NOT_THERE)
        value, revision_id = found
        return Reply({"Policy": Policy.of(value).text(), "RevisionId": revision_id})

    async def _revise(self, place: Place, changed: Any, asked: str | None) -> str:
        return await self._attachments.revise(
            place.name, Kind.POLICY, place.qualifier, changed, asked
        )

    async def _resource(self, call: Call) -> Place:
        arn = call.parameters["ResourceArn"]
        if ":function:" not in arn:
            raise ResourceNotFound(f"Resource not found: {arn}")
        return await self._places.find(arn)


def _check_not_latest(place: Place) -> None:
    if place.qualifier == LATEST:
        raise InvalidParameterValue("We currently do not support adding policies for $LATEST.")


def _sized(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    size = len(Policy.of(policy).text())
    if size > POLICY_BYTES_MAX:
        raise PolicyLengthExceeded(
            f"The final policy size ({size}) is bigger than the limit ({POLICY_BYTES_MAX})."
        )
    return policy
