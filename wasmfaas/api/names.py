"""The ways in which Lambda's clients name a function: a bare name, a partial ARN, or an ARN, each
with or without a qualifier."""

import re
from dataclasses import dataclass

from wasmfaas.errors import InvalidParameterValue, ResourceNotFound

_REFERENCE = re.compile(
    r"""(?:arn:(?P<partition>aws[a-zA-Z-]*)?:lambda:)?
        (?:(?P<region>[a-z]+(?:-[a-z]+)+-\d):)?
        (?:(?P<account>\d{12}):)?
        (?:function:)?
        (?P<name>[a-zA-Z0-9-_.]+)
        (?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """A function as a request names it."""

    name: str
    #: Version or alias; None when the request names none.
    qualifier: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """Reads and writes names in one region and account. Lifetime: process."""

    region: str
    account_id: str

    def arn(self, name: str, qualifier: str | None = None) -> str:
        """The ARN of a function, qualified if *qualifier* is given."""
        unqualified = f"arn:aws:lambda:{self.region}:{self.account_id}:function:{name}"
        return unqualified if qualifier is None else f"{unqualified}:{qualifier}"

    def parse(self, text: str, qualifier: str | None = None) -> FunctionReference:
        """The function that *text* (already validated) and the Qualifier of the request name.

        Raises InvalidParameterValue if the two disagree, and ResourceNotFound if *text* names
        another region or account.
        """
        found = _REFERENCE.fullmatch(text)
        if found is None:
            raise ResourceNotFound(f"Function not found: {text}")
        region, account = found["region"], found["account"]
        if region is not None and region != self.region:
            raise ResourceNotFound(
                f"Functions from '{region}' are not reachable in this region ('{self.region}')"
            )
        if account is not None and account != self.account_id:
            raise ResourceNotFound(
                f"Function not found: {text} (the account of this server is {self.account_id})"
            )
        if qualifier is not None and found["qualifier"] not in (None, qualifier):
            raise InvalidParameterValue(
                "The derived qualifier from the function name does not match the specified "
                "qualifier."
            )
        return FunctionReference(found["name"], qualifier or found["qualifier"])

    def unqualified(self, text: str) -> str:
        """The name of the function, for operations that take no version or alias.

        Raises InvalidParameterValue if *text* has a qualifier, and as `parse` does.
        """
        reference = self.parse(text)
        if reference.qualifier is not None:
            raise InvalidParameterValue(
                "This operation is permitted on Lambda functions only. Aliases and versions do "
                "not support this operation. Please specify either a function name or an "
                "unqualified function ARN."
            )
        return reference.name
