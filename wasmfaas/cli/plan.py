"""What a deploy sends: the members of Lambda's requests, worked out from what is wanted and what
is deployed. Pure."""

from collections.abc import Mapping
from typing import Any

from wasmfaas.abi import PROVIDED_RUNTIMES
from wasmfaas.cli.packaging import Package
from wasmfaas.cli.project import FunctionSettings

#: Lambda wants a role; nothing here is done under one.
ROLE = "arn:aws:iam::000000000000:role/wasmfaas"
ISOLATION_VARIABLE = "WASMFAAS_ISOLATION"
FUEL_VARIABLE = "WASMFAAS_FUEL_MAX"
_OURS = (ISOLATION_VARIABLE, FUEL_VARIABLE)

Members = dict[str, Any]


def creation(wanted: FunctionSettings, package: Package) -> Members:
    """The members of CreateFunction, without the name and the code."""
    members = _configuration(wanted, package, {}) | {"Role": ROLE}
    if wanted.tags:
        members["Tags"] = dict(wanted.tags)
    return members


def configuration_changes(
    wanted: FunctionSettings, package: Package, deployed: Mapping[str, Any]
) -> Members:
    """The members of UpdateFunctionConfiguration that differ from what is deployed."""
    members = _configuration(wanted, package, deployed_environment(deployed))
    layers = [layer["Arn"] for layer in deployed.get("Layers") or ()]
    current = {**deployed, "Layers": layers}
    return {key: value for key, value in members.items() if not _same(value, current.get(key))}


def configuration_first(changes: Mapping[str, Any], deployed: Mapping[str, Any]) -> bool:
    """Whether the configuration has to change before the code does.

    A module is checked against Runtime and MemorySize when either side changes, so what makes room
    for it goes first.
    """
    was_module = deployed.get("Runtime") in PROVIDED_RUNTIMES
    becomes_python = changes.get("Runtime", deployed.get("Runtime")) not in PROVIDED_RUNTIMES
    grows = changes.get("MemorySize", 0) > deployed.get("MemorySize", 0)
    return was_module and (becomes_python or grows)


def tag_changes(
    wanted: Mapping[str, str] | None, deployed: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Tags to set and keys to remove. Without tags wanted, those deployed stay."""
    if wanted is None:
        return {}, []
    changed = {key: value for key, value in wanted.items() if deployed.get(key) != value}
    return changed, sorted(set(deployed) - set(wanted))


def deployed_environment(deployed: Mapping[str, Any]) -> dict[str, str]:
    """The variables in *deployed*, a function's configuration."""
    return dict((deployed.get("Environment") or {}).get("Variables") or {})


def _configuration(
    wanted: FunctionSettings, package: Package, environment: Mapping[str, str]
) -> Members:
    members: Members = {"Runtime": package.runtime, "Handler": package.handler}
    if wanted.memory_mb is not None:
        members["MemorySize"] = wanted.memory_mb
    if wanted.timeout_s is not None:
        members["Timeout"] = wanted.timeout_s
    if wanted.description is not None:
        members["Description"] = wanted.description
    if wanted.tmp_mb is not None:
        members["EphemeralStorage"] = {"Size": wanted.tmp_mb}
    if wanted.layers is not None:
        members["Layers"] = list(wanted.layers)
    variables = _environment(wanted, environment)
    if variables != dict(environment):
        members["Environment"] = {"Variables": variables}
    return members


def _environment(wanted: FunctionSettings, deployed: Mapping[str, str]) -> dict[str, str]:
    """Variables that are wanted replace those deployed; ours only go when they are replaced."""
    variables = dict(deployed)
    if wanted.environment is not None:
        ours = {key: value for key, value in deployed.items() if key in _OURS}
        variables = ours | dict(wanted.environment)
    if wanted.isolation is not None:
        variables[ISOLATION_VARIABLE] = wanted.isolation
    if wanted.fuel_max is not None:
        variables[FUEL_VARIABLE] = str(wanted.fuel_max)
    return variables


def _same(wanted: Any, deployed: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(deployed, Mapping) and dict(wanted) == dict(deployed)
    return bool(wanted == deployed)
