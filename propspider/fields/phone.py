"""Telephone numbers → E.164."""

import re

from propspider.fields.reading import MAX_TEXT, Reading

# Mexican mobiles were dialled +52 1 until 2019 and are still written so.
_OLD_MEXICAN_MOBILE = re.compile(r"(\+?52)[ .-]*1(?=(?:[ .-]*[0-9]){10}(?![0-9]))")


def read_phone(text: str | None, *, region: str) -> Reading[str]:
    """The first valid number of a text or `tel:` link; `region` (ISO 3166) is where a number without country code is dialled."""
    if text is None or not any(char.isdigit() for char in text[:MAX_TEXT]):
        return Reading()
    # Its tables take as long to load as the rest of the converters together.
    import phonenumbers

    line = _OLD_MEXICAN_MOBILE.sub(r"\1", text[:MAX_TEXT])
    for match in phonenumbers.PhoneNumberMatcher(line, region):
        return Reading(phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164))
    return Reading(unknown=text[:MAX_TEXT])
