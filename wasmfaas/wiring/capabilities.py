"""What running guests may ask for."""

from wasmfaas.capabilities.board import Board, Operation
from wasmfaas.capabilities.grants import Grants
from wasmfaas.wiring.core import Core


def connect(core: Core) -> None:
    """Have the calls of guests answered."""
    grants = Grants(core.registry.attachments)
    core.changes.tell(grants.forget)
    operations: tuple[Operation, ...] = ()
    core.calls.connect(Board(grants, operations, core.settings.calls_per_invocation_max))
