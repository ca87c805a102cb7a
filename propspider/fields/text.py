"""Text that Postgres can store and a terminal can show."""

import re
import unicodedata

# C0 and C1 controls but tab and newline, lone surrogates, noncharacters, and the bidi overrides that can disguise a line.
_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_BLANKS = re.compile(r"[^\S\n]+")
_LINE_EDGES = re.compile(r" ?\n ?")
_MANY_LINES = re.compile(r"\n{3,}")


def clean(text: str | None) -> str | None:
    """NFC without unstorable characters, blanks folded, newlines kept (three and more become two); None when nothing is left."""
    if text is None:
        return None
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _BLANKS.sub(" ", _UNSTORABLE.sub("", text))
    text = _MANY_LINES.sub("\n\n", _LINE_EDGES.sub("\n", text)).strip()
    return text or None


def clean_line(text: str | None) -> str | None:
    """Like `clean`, on one line."""
    cleaned = clean(text)
    return " ".join(cleaned.split()) if cleaned else None


def storable(value: object) -> object:
    """The same JSON-like value with unstorable characters removed from every string and key."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, dict):
        return {_UNSTORABLE.sub("", str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value
