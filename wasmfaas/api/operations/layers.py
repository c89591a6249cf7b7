"""Layers: publish, read, list, delete, and who else may use them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.code_sources import CodeSources
from wasmfaas.api.downloads import CodeLinks
from wasmfaas.api.layer_names import LayerNames
from wasmfaas.api.operations.permissions import POLICY_BYTES_MAX
from wasmfaas.api.response import encoded
from wasmfaas.api.statements import principal_of
from wasmfaas.errors import (
    InvalidParameterValue,
    PolicyLengthExceeded,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from wasmfaas.policy import VERSION
from wasmfaas.store import paging
from wasmfaas.store.code import Code
from wasmfaas.store.layers import Filter, Layers, LayerVersion

#: Versions on one page, whatever MaxItems says; Lambda's number.
PAGE_MAX = 50
#: Members that a version keeps as they were given.
DETAILS = ("Description", "LicenseInfo", "CompatibleRuntimes", "CompatibleArchitectures")
NOT_THERE = "The resource you requested does not exist."
NO_POLICY = "No policy is associated with the given resource."
_NUMBER_DIGITS_MAX = 18


class Intake(Protocol):
    """What takes packages in, and removes those that are of no more use."""

    async def take_in(
        self, package: bytes, enter: Callable[[Code], Awaitable[LayerVersion]]
    ) -> LayerVersion: ...

    def note_change(self) -> None: ...


class LayerOperations:
    """Handlers of the operations on layers. Lifetime: process."""

    def __init__(
        self,
        *,
        layers: Layers,
        intake: Intake,
        sources: CodeSources,
        names: LayerNames,
        links: CodeLinks,
    ) -> None:
        self._layers = layers
        self._intake = intake
        self._sources = sources
        self._names = names
        self._links = links

    def rows(self) -> Mapping[str, Handler]:
        return {
            "PublishLayerVersion": self.publish,
            "GetLayerVersion": self.get,
            "GetLayerVersionByArn": self.get_by_arn,
            "ListLayers": self.list_layers,
            "ListLayerVersions": self.list_versions,
            "DeleteLayerVersion": self.delete,
            "AddLayerVersionPermission": self.add_permission,
            "RemoveLayerVersionPermission": self.remove_permission,
            "GetLayerVersionPolicy": self.get_policy,
        }

    async def publish(self, call: Call) -> Reply:
        name = self._name(call)
        details = {each: call.parameters[each] for each in DETAILS if each in call.parameters}
        async with self._sources.package(call.parameters["Content"]) as package:
            version = await self._intake.take_in(
                package, lambda code: self._layers.publish(name, code, details)
            )
        return Reply(self._described(version, call.authority))

    async def get(self, call: Call) -> Reply:
        name, number = self._version(call)
        return Reply(self._described(await self._layers.get(name, number), call.authority))

    async def get_by_arn(self, call: Call) -> Reply:
        named = self._names.version(call.parameters["Arn"])
        if named is None:
            raise ResourceNotFound(NOT_THERE)
        return Reply(self._described(await self._layers.get(*named), call.authority))

    async def list_layers(self, call: Call) -> Reply:
        limit = min(call.parameters.get("MaxItems", PAGE_MAX), PAGE_MAX)
        marker = call.parameters.get("Marker")
        after = None if marker is None else paging.last_of(marker)
        found = await self._layers.latest(_filter(call), after, limit + 1)
        page = found[:limit]
        following = paging.marker(page[-1].layer_name) if len(found) > limit else None
        layers = [
            {
                "LayerName": version.layer_name,
                "LayerArn": self._names.arn(version.layer_name),
                "LatestMatchingVersion": self._listed(version),
            }
            for version in page
        ]
        return Reply({"Layers": layers, "NextMarker": following})

    async def list_versions(self, call: Call) -> Reply:
        limit = min(call.parameters.get("MaxItems", PAGE_MAX), PAGE_MAX)
        before = _number_in(call.parameters.get("Marker"))
        name = self._name(call)
        found = await self._layers.versions(name, _filter(call), before, limit + 1)
        page = found[:limit]
        following = paging.marker(str(page[-1].number)) if len(found) > limit else None
        versions = [self._listed(version) for version in page]
        return Reply({"LayerVersions": versions, "NextMarker": following})

    async def delete(self, call: Call) -> Reply:
        """Functions that use the version go on doing so, as on Lambda."""
        name, number = self._version(call)
        if await self._layers.delete(name, number):
            self._intake.note_change()
        return Reply()

    async def add_permission(self, call: Call) -> Reply:
        name, number = self._version(call)
        sid = call.parameters["StatementId"]
        added = self._statement(call, self._names.arn(name, number))

        def change(version: LayerVersion) -> dict[str, Any]:
            if sid in version.statements:
                raise ResourceConflict(
                    f"The statement id ({sid}) provided already exists. Please provide a new "
                    "statement id, or remove the existing statement."
                )
            _check_revision(call, version)
            return _sized({**version.statements, sid: added})

        version = await self._changed(name, number, change)
        members = {"Statement": encoded(added).decode(), "RevisionId": version.policy_revision_id}
        return Reply(members)

    async def remove_permission(self, call: Call) -> Reply:
        name, number = self._version(call)
        sid = call.parameters["StatementId"]

        def change(version: LayerVersion) -> dict[str, Any]:
            _check_revision(call, version)
            if sid not in version.statements:
                raise ResourceNotFound(f"Statement {sid} is not found in resource policy.")
            return {key: held for key, held in version.statements.items() if key != sid}

        await self._changed(name, number, change)
        return Reply()

    async def get_policy(self, call: Call) -> Reply:
        name, number = self._version(call)
        found = await self._layers.find([(name, number)])
        if not found:
            raise self._missing(name, number)
        version = found[name, number]
        if not version.statements:
            raise ResourceNotFound(NO_POLICY)
        policy = encoded(_document(version.statements)).decode()
        return Reply({"Policy": policy, "RevisionId": version.policy_revision_id})

    async def _changed(
        self, name: str, number: int, change: Callable[[LayerVersion], Mapping[str, Any]]
    ) -> LayerVersion:
        version = await self._layers.change_policy(name, number, change)
        if version is None:
            raise self._missing(name, number)
        return version

    def _name(self, call: Call) -> str:
        return self._names.name(call.parameters["LayerName"], f"lambda:{call.operation.name}")

    def _version(self, call: Call) -> tuple[str, int]:
        number = int(call.parameters["VersionNumber"])
        if number < 1:
            raise InvalidParameterValue("Layer Version Cannot be less than 1")
        return self._name(call), number

    def _missing(self, name: str, number: int) -> ResourceNotFound:
        return ResourceNotFound(f"Layer version {self._names.arn(name, number)} does not exist.")

    def _statement(self, call: Call, arn: str) -> dict[str, Any]:
        organization = call.parameters.get("OrganizationId")
        if organization is not None and call.parameters["Principal"] != "*":
            raise InvalidParameterValue(
                "OrganizationId shares a layer with the accounts of an organization, so Principal "
                f"must be '*', not '{call.parameters['Principal']}'."
            )
        made = {
            "Sid": call.parameters["StatementId"],
            "Effect": "Allow",
            "Principal": principal_of(call.parameters["Principal"]),
            "Action": call.parameters["Action"],
            "Resource": arn,
        }
        if organization is not None:
            made["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": organization}}
        return made

    def _described(self, version: LayerVersion, authority: str) -> dict[str, Any]:
        """The members of GetLayerVersionResponse."""
        code = version.code
        return {
            **self._listed(version),
            "LayerArn": self._names.arn(version.layer_name),
            "Content": {
                "Location": self._links.url(code.digest, authority),
                "CodeSha256": code.sha256,
                "CodeSize": code.size_bytes,
            },
        }

    def _listed(self, version: LayerVersion) -> dict[str, Any]:
        """The members of LayerVersionsListItem."""
        return {
            "Description": "",
            **version.details,
            "LayerVersionArn": self._names.arn(version.layer_name, version.number),
            "Version": version.number,
            "CreatedDate": version.created,
        }


def _filter(call: Call) -> Filter:
    return Filter(
        runtime=call.parameters.get("CompatibleRuntime"),
        architecture=call.parameters.get("CompatibleArchitecture"),
    )


def _number_in(marker: str | None) -> int | None:
    if marker is None:
        return None
    text = paging.last_of(marker)
    if not text.isdigit() or len(text) > _NUMBER_DIGITS_MAX:
        raise InvalidParameterValue(
            f"Marker {marker!r} is not valid. Pass the NextMarker of an earlier answer."
        )
    return int(text)


def _check_revision(call: Call, version: LayerVersion) -> None:
    asked = call.parameters.get("RevisionId")
    if asked is not None and asked != version.policy_revision_id:
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetLayerPolicy API to retrieve the latest Revision Id"
        )


def _document(statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": VERSION, "Id": "default", "Statement": list(statements.values())}


def _sized(statements: dict[str, Any]) -> dict[str, Any]:
    size = len(encoded(_document(statements)))
    if size > POLICY_BYTES_MAX:
        raise PolicyLengthExceeded(
            f"The final policy size ({size}) is bigger than the limit ({POLICY_BYTES_MAX})."
        )
    return statements
