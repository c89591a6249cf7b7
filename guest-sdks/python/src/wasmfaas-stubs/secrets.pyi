"""What the operator keeps for functions."""

def get(name: str) -> str:
    """The secret of that name. Raises AccessDenied and NotFound."""

def get_bytes(name: str) -> bytes:
    """As `get`, for a secret that is no text."""
