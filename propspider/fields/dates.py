"""Date texts → aware datetimes."""

import re
from datetime import datetime

from propspider.fields.reading import Reading, key

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})")
_LANGUAGES = ["en", "es", "pt"]
_MAX_RELATIVE = 60
# Only a text that counts time back, or names a day, goes to dateparser: it finds dates in almost anything else.
_RELATIVE = re.compile(
    r".*\b(?:hace|ago|atras|ha|yesterday|today|ayer|anteayer|antier|hoy|ontem|hoje|just now|ahora|last (?:week|month|year))\b.*"
)
_LEADING_WORDS = re.compile(r"^(?:published|publicad[oa]|updated|actualizad[oa]|listed)\s+(?:on\s+|el\s+)?", re.IGNORECASE)


def read_instant(text: str | None) -> Reading[datetime]:
    """ISO 8601 with an offset, kept as written. A time without offset is unknown: nobody said whose clock it was."""
    if text is None or not text.strip():
        return Reading()
    stripped = text.strip()
    unknown = Reading[datetime](unknown=stripped[:_MAX_RELATIVE])
    if not _ISO.fullmatch(stripped):
        return unknown
    try:
        return Reading(datetime.fromisoformat(stripped))
    except ValueError:
        return unknown


def read_relative(text: str | None, *, now: datetime) -> Reading[datetime]:
    """Texts like "hace 3 días" or "an hour ago", in the zone of the aware `now`, never after it; months are calendar months."""
    if text is None or not text.strip():
        return Reading()
    words = _LEADING_WORDS.sub("", text.strip()[: _MAX_RELATIVE + 1])
    unknown = Reading[datetime](unknown=text.strip()[:_MAX_RELATIVE])
    if len(words) > _MAX_RELATIVE or not words.isprintable() or not _RELATIVE.fullmatch(key(words)):
        return unknown
    import dateparser

    settings = {"RELATIVE_BASE": now.replace(tzinfo=None), "PARSERS": ["relative-time"], "RETURN_AS_TIMEZONE_AWARE": False}
    moment = dateparser.parse(words, languages=_LANGUAGES, settings=settings)
    if moment is None:
        return unknown
    aware = moment.replace(tzinfo=now.tzinfo)
    return Reading(aware) if aware <= now else unknown
