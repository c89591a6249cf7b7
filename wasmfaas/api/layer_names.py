"""The ways in which Lambda's clients name a layer, or one version of it."""

import re
from dataclasses import dataclass

from wasmfaas.api.names import Names
from wasmfaas.errors import InvalidParameterValue, NotAuthorized

_ARN = re.compile(
    r"arn:(?:aws[a-zA-Z-]*)?:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<number>[0-9]+))?",
    re.ASCII,
)
#: Longer numbers are of no version.
_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class LayerNames:
    """Reads and writes names of layers in one region and account. Lifetime: process."""

    names: Names

    def arn(self, name: str, number: int | None = None) -> str:
        """The ARN of a layer, of one version of it if *number* is given."""
        layer = f"arn:aws:lambda:{self.names.region}:{self.names.account_id}:layer:{name}"
        return layer if number is None else f"{layer}:{number}"

    def name(self, text: str, action: str) -> str:
        """The layer that *text*, a name or an ARN, means. *action* is what is to be done with it,
        such as `lambda:GetLayerVersion`.

        Raises NotAuthorized for a layer of another account or region.
        """
        found = _ARN.fullmatch(text)
        if found is None:
            return text
        if (found["region"], found["account"]) != (self.names.region, self.names.account_id):
            raise self.foreign(text, action)
        return found["name"]

    def version(self, text: str) -> tuple[str, int] | None:
        """Name and number of the version with the ARN *text*; None where no version of this account
        can have it.

        Raises NotAuthorized for one of another account, InvalidParameterValue for one of another
        region.
        """
        found = _ARN.fullmatch(text)
        if found is None or found["number"] is None or len(found["number"]) > _DIGITS_MAX:
            return None
        if found["account"] != self.names.account_id:
            raise self.foreign(text, "lambda:GetLayerVersion")
        if found["region"] != self.names.region:
            raise InvalidParameterValue(
                "Layers are not in the same region as the function. Layers are expected to be in "
                f"region {self.names.region}."
            )
        return found["name"], int(found["number"])

    def foreign(self, arn: str, action: str) -> NotAuthorized:
        """Lambda's error for a layer of somebody else, who has not shared it."""
        return NotAuthorized(
            f"User: arn:aws:iam::{self.names.account_id}:root is not authorized to perform: "
            f"{action} on resource: {arn} because no resource-based policy allows the {action} "
            "action"
        )
