"""Libraries that could be loaded: none."""

__all__ = ("find_library",)


def find_library(name: str) -> str | None:
    return None
