"""Which functions led to an invocation: in the trace header, as on Lambda, so that it goes wherever
the header goes, through queues too.

    Root=1-…;Parent=…;Sampled=0;Lineage=1f3870be:2|9e107d9d:1

Of each function there is a hash, and how often it was called. A header without a lineage is the
first call of whoever has it.
"""

import hashlib
import re
from typing import Final

#: As often a function is called in one chain; Lambda says "approximately 16 times".
CALLS_MAX: Final = 16
_KEY: Final = "Lineage="
_FUNCTIONS_MAX: Final = 20
_ITEM: Final = re.compile(r"([0-9a-f]{8}):(\d{1,4})")


def extended(trace: str | None, caller_arn: str, callee_arn: str) -> tuple[str, int]:
    """The trace header of a call of *callee_arn* from an invocation that has *trace*; and how often
    it will have been called in this chain. ARNs are unqualified."""
    parts = [part for part in (trace or "").split(";") if part]
    counts: dict[str, int] = {}
    for part in parts:
        if part.startswith(_KEY):
            counts |= {found[1]: int(found[2]) for found in _ITEM.finditer(part)}
    counts.setdefault(_hash(caller_arn), 1)
    callee = _hash(callee_arn)
    count = counts.pop(callee, 0) + 1
    # The latest come last, and stay.
    items = [*counts.items(), (callee, count)][-_FUNCTIONS_MAX:]
    lineage = _KEY + "|".join(f"{name}:{number}" for name, number in items)
    kept = [part for part in parts if not part.startswith(_KEY)]
    return ";".join([*kept, lineage]), count


def _hash(arn: str) -> str:
    return hashlib.sha256(arn.encode()).hexdigest()[:8]
