"""What whoever runs a benchmark chooses."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The flags of `python -m bench`."""

    #: A run of seconds, which shows that the benchmark works and measures nothing well.
    quick: bool
    #: Holds the Python runtime, and what a benchmark keeps for its next run.
    cache_dir: Path
    #: How many functions `api` compares with one; None for its own number.
    functions: int | None = None
