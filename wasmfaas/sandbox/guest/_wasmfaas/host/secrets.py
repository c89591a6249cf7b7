"""What the operator keeps for functions."""

from _wasmfaas.host.calls import call, to_bytes


def get(name: str) -> str:
    """The secret of that name. Raises AccessDenied and NotFound."""
    return get_bytes(name).decode()


def get_bytes(name: str) -> bytes:
    """As `get`, for a secret that is no text."""
    return to_bytes(call("secrets.get", {"name": name})["value"])
