"""Entry point of the Python runtime component. Everything imported here is in its image."""

import wit_world
from _wasmfaas import host  # noqa: F401
from _wasmfaas.failures import FunctionError
from _wasmfaas.image import prepare_image
from _wasmfaas.runtime import Runtime
from componentize_py_types import Err


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]
    """The world `python`."""

    def init(self, handler: str) -> str:
        try:
            return RUNTIME.start(handler)
        except FunctionError as error:
            raise Err(error.payload) from None

    def handle(self, event: str, context: str) -> str:
        try:
            return RUNTIME.invoke(event, context)
        except FunctionError as error:
            raise Err(error.payload) from None


RUNTIME = Runtime(wit_world.emit)
prepare_image(RUNTIME)
