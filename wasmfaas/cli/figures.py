"""Quantities as people read them."""

import re
from datetime import UTC, datetime
from decimal import Decimal

_MIB = 1024 * 1024
_THOUSANDS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
# A control character in a function's output must not drive the reader's terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def size(count: int) -> str:
    """Bytes: `812 B`, `4.2 KB`, `50 MB` (of 1024)."""
    if count < 1024:
        return f"{count} B"
    value, unit = (count / 1024, "KB") if count < _MIB else (count / _MIB, "MB")
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def count(value: float) -> str:
    """A large number in four or five characters: `999`, `12.3k`, `4.56G`."""
    for scale, suffix in _THOUSANDS:
        if value >= 0.9995 * scale:
            return f"{value / scale:.3g}{suffix}"
    return f"{value:g}"


def money(amount: Decimal) -> str:
    """An amount to the millionth; what is less is not shown as nothing."""
    return f"{amount:.6f}" if not 0 < amount < Decimal("0.000001") else "<0.000001"


def milliseconds(value: float) -> str:
    """A duration: `0.42 ms`, `38 ms`, `1.20 s`, `3 min 20 s`."""
    if value < 10:
        return f"{value:.2f} ms"
    if value < 1000:
        return f"{value:.0f} ms"
    if value < 100_000:
        return f"{value / 1000:.2f} s"
    minutes, seconds = divmod(round(value / 1000), 60)
    return f"{minutes} min {seconds} s"


def age(moment: datetime, now: datetime) -> str:
    """How long ago *moment* was: `now`, `12 s ago`, `3 h ago`, `2026-11-01`."""
    seconds = int((now - moment).total_seconds())
    if seconds < 2:
        return "now"
    if seconds < 120:
        return f"{seconds} s ago"
    if seconds < 7200:
        return f"{seconds // 60} min ago"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h ago"
    if seconds < 14 * 86400:
        return f"{seconds // 86400} d ago"
    return moment.date().isoformat()


def lambda_time(text: str) -> datetime:
    """Lambda's LastModified, `2026-11-23T04:00:00.000+0000`, as a moment."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def stamp(unix_ms: int) -> str:
    """Unix milliseconds as ISO 8601 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(unix_ms: int) -> str:
    """Unix milliseconds as the local time of day."""
    return datetime.fromtimestamp(unix_ms / 1000).strftime("%H:%M:%S.%f")[:-3]


def visible(text: str) -> str:
    """*text* with control characters, other than tab and newline, shown instead of obeyed."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
