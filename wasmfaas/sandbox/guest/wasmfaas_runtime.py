"""Entry point of the Python runtime component. Everything imported here is in its image."""

import sys

import wit_world
from _wasmfaas import host, runtime
from componentize_py_types import Err


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]
    """The world `python`."""

    def init(self, handler: str) -> str:
        try:
            return RUNTIME.start(handler)
        except runtime.FunctionError as error:
            raise Err(error.payload) from None

    def handle(self, event: str, context: str) -> str:
        try:
            return RUNTIME.invoke(event, context)
        except runtime.FunctionError as error:
            raise Err(error.payload) from None


#: What functions know it by.
PUBLIC_NAME = "wasmfaas"
sys.modules |= {
    PUBLIC_NAME: host,
    f"{PUBLIC_NAME}.kv": host.kv,
    f"{PUBLIC_NAME}.secrets": host.secrets,
}
RUNTIME = runtime.Runtime(wit_world.emit)
runtime.prepare_image(RUNTIME)
