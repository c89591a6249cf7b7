"""Code signing, of which there is none here: nothing to list, to find or to attach."""

from collections.abc import Mapping

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.errors import CodeSigningConfigNotFound, ResourceNotFound
from wasmfaas.store.registry import Registry


class SigningOperations:
    """Handlers of the operations on code signing configurations. Lifetime: process."""

    def __init__(self, *, registry: Registry, names: Names) -> None:
        self._registry = registry
        self._names = names

    def rows(self) -> Mapping[str, Handler]:
        return {
            "GetFunctionCodeSigningConfig": self.of_function,
            "PutFunctionCodeSigningConfig": self.attach,
            "DeleteFunctionCodeSigningConfig": self.detach,
            "GetCodeSigningConfig": self.missing,
            "UpdateCodeSigningConfig": self.missing,
            "DeleteCodeSigningConfig": self.missing,
            "ListFunctionsByCodeSigningConfig": self.missing,
        }

    async def of_function(self, call: Call) -> Reply:
        """Terraform reads this for every function and fails on any error."""
        function = await self._registry.get(self._names.unqualified(call.function))
        return Reply({"FunctionName": function.name, "CodeSigningConfigArn": ""})

    async def attach(self, call: Call) -> Reply:
        await self._registry.get(self._names.unqualified(call.function))
        raise CodeSigningConfigNotFound(
            "The code signing configuration cannot be found. Check that the provided configuration "
            f"is not deleted: {call.parameters['CodeSigningConfigArn']}."
        )

    async def detach(self, call: Call) -> Reply:
        await self._registry.get(self._names.unqualified(call.function))
        return Reply()

    async def missing(self, call: Call) -> Reply:
        arn = call.parameters["CodeSigningConfigArn"]
        raise ResourceNotFound(f"The Lambda code signing configuration {arn} can not be found.")
