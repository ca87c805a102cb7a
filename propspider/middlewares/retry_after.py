"""What a host's Retry-After header asks for."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_SECONDS = 86_400.0

_NUMBER = re.compile(r"\d+(\.\d*)?", re.ASCII)


def retry_after_seconds(value: str | None, *, now: datetime) -> float | None:
    """Seconds or an HTTP-date as seconds from `now`, at most a day; None for what says nothing: no header, garbage, the past."""
    text = (value or "").strip()
    if _NUMBER.fullmatch(text):
        return min(float(text), LONGEST_SECONDS)
    moment = http_date(text)
    if moment is None or moment <= now:
        return None
    return min((moment - now).total_seconds(), LONGEST_SECONDS)


def http_date(text: str) -> datetime | None:
    """Aware UTC; None for what is no date."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
