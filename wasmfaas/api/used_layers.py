"""The layers that a function is to use: from ARNs in a request to what its configuration holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from wasmfaas.api.layer_names import LayerNames
from wasmfaas.errors import InvalidParameterValue
from wasmfaas.models import LayerReference
from wasmfaas.store.layers import Layers

LAYERS_MAX = 5


class UsedLayers:
    """Looks layers up. Lifetime: process."""

    def __init__(self, layers: Layers, names: LayerNames) -> None:
        self._layers = layers
        self._names = names

    async def asked(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The member Layers of a configuration as *parameters* ask for it; nothing where they leave
        it as it is.

        Raises InvalidParameterValue for more than 5, for two versions of one layer and for versions
        that do not exist; NotAuthorized for layers of another account.
        """
        arns = parameters.get("Layers")
        if arns is None:
            return {}
        if len(arns) > LAYERS_MAX:
            raise InvalidParameterValue(f"Cannot reference more than {LAYERS_MAX} layers.")
        versions = [self._names.version(arn) for arn in arns]
        found = await self._layers.find([version for version in versions if version is not None])
        references = []
        for arn, version in zip(arns, versions, strict=True):
            layer = None if version is None else found.get(version)
            if layer is None:
                raise InvalidParameterValue(f"Layer version {arn} does not exist.")
            own_arn = self._names.arn(layer.layer_name, layer.number)
            code = layer.code
            references.append(LayerReference(own_arn, code.size_bytes, code.digest))
        _check_distinct(arns)
        return {"Layers": [reference.members() for reference in references]}


def _check_distinct(arns: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for arn in arns:
        layer = arn.rpartition(":")[0]
        if layer in seen:
            raise InvalidParameterValue(
                "Two different versions of the same layer are not allowed to be referenced in the "
                f"same function. {seen[layer]} and {arn} are versions of the same layer."
            )
        seen[layer] = arn
