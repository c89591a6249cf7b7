"""What running guests may ask for."""

import httpcore
import httpx

from wasmfaas.capabilities.board import Board
from wasmfaas.capabilities.fetch import Fetches
from wasmfaas.capabilities.grants import Grants
from wasmfaas.capabilities.network import Resolver
from wasmfaas.wiring.core import Core


def connect(core: Core) -> None:
    """Have the calls of guests answered."""
    grants = Grants(core.registry.attachments)
    core.changes.tell(grants.forget)
    resolver = Resolver()
    core.closing.callback(resolver.close)
    fetches = Fetches(resolver, httpx.create_ssl_context, httpcore.AnyIOBackend())
    operations = fetches.operations()
    core.calls.connect(Board(grants, operations, core.settings.calls_per_invocation_max))
