"""Points in time as people write them: `90s`, `24h`, `7d`, `2026-11-01`, `2026-11-01T12:30`."""

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d{1,9})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

FORMS = (
    "an age such as 90s, 15m, 24h, 7d or 2w, or a UTC date such as 2026-11-01 or 2026-11-01T12:30"
)


def parse(text: str, now: datetime) -> datetime:
    """The moment *text* names: so long before *now*, or an ISO 8601 date or time (UTC unless it
    says otherwise).

    Raises ValueError with a message for people.
    """
    written = text.strip()
    if ago := _AGO.fullmatch(written.lower()):
        try:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            raise ValueError(f"{text!r} lies before the first year; give {FORMS}") from None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; give {FORMS}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def unix_ms(moment: datetime) -> int:
    """*moment* in milliseconds since 1970-01-01 UTC."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
