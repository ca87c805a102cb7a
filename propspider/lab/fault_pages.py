"""What goes wrong inside a page: pure changes of its HTML. A page that has nothing of what would change is returned as it is."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Literal, NamedTuple
from zlib import crc32

CLASSES = (
    "property__component",
    "property__content",
    "favorite-button",
    "price",
    "title",
    "location",
    "pagination",
    "listing__header",
    "listing-id",
    "listing__price",
    "listing__features",
    "feature-icon",
    "property-title",
    "text-description",
)
"""Those by which cards and details are read; any of them can be renamed."""

_CARD = re.compile(r'<(?:li|div) class="property__component[ "]')
_AFTER_CARDS = re.compile(r'<div class="paginate"')
_LINK = re.compile(r'href="([^"]*)"')
_TOTAL = re.compile(r'(?<=data-total=")[0-9]+(?=")')
_RESULTS = re.compile(r"(?<=<h2>)[0-9,]+(?= )")
_NEXT = re.compile(r'(?<=<span class=")next page pagination-button ')
_CLASS = re.compile(r'(?<=class=")[^"]+(?=")')
_PRICE = r'(?P<before>class="(?:price|digits)">\s*(?:From |Desde )?)'
_PESOS = re.compile(_PRICE + r"\$\s?(?P<amount>[0-9][0-9,.]*)(?: MXN)?")
_DOLLARS = re.compile(_PRICE + r"US\$\s?(?P<amount>[0-9][0-9,.]*)")


class Cards(NamedTuple):
    """A listing page in three; each card with what the page says of it elsewhere."""

    before: str
    cards: list[str]
    after: str

    @property
    def page(self) -> str:
        return "".join((self.before, *self.cards, self.after))


def split(page: str) -> Cards:
    """`cards` is empty on a page without any."""
    end = _AFTER_CARDS.search(page)
    after = end.start() if end else len(page)
    starts = [found.start() for found in _CARD.finditer(page, 0, after)]
    if not starts:
        return Cards(page[:after], [], page[after:])
    cards = [page[start:stop] for start, stop in zip(starts, [*starts[1:], after], strict=True)]
    return Cards(page[: starts[0]], cards, page[after:])


def link_of(card: str) -> str:
    found = _LINK.search(card)
    return found[1] if found else ""


def without_cards(page: str, is_lost: Callable[[str], bool]) -> str:
    """Without those whose link `is_lost`; the total stays."""
    parts = split(page)
    return parts._replace(cards=[card for card in parts.cards if not is_lost(link_of(card))]).page


def emptied(page: str, total: int | None) -> str:
    """No card and no next page; `total` None leaves the stated one."""
    parts = split(page)
    bare = parts._replace(cards=[], after=_NEXT.sub("next page pagination-button disabled ", parts.after)).page
    return bare if total is None else with_total(bare, total)


def with_cards(page: str, cards: Iterable[str]) -> str:
    return split(page)._replace(cards=list(cards)).page


def stated_total(page: str) -> int | None:
    found = _TOTAL.search(page)
    return int(found[0]) if found else None


def with_total(page: str, total: int) -> str:
    return _RESULTS.sub(f"{total:,}", _TOTAL.sub(str(total), page))


def renamed_class(page: str, name: str) -> str:
    """Every element of a class is of a new one instead, as built names are."""
    built = f"c-{crc32(name.encode()):08x}"

    def rename(found: re.Match[str]) -> str:
        return " ".join(built if one == name else one for one in found[0].split(" "))

    return _CLASS.sub(rename, page)


def flipped(page: str, shown: Literal["USD", "MXN"]) -> str:
    """Amounts in the other currency are shown as if they were in this one, in texts and in embedded data."""
    if shown == "USD":
        texts, data = _PESOS.sub(r"\g<before>US$ \g<amount>", page), ("MXN", "USD")
    else:
        texts, data = _DOLLARS.sub(r"\g<before>$\g<amount> MXN", page), ("USD", "MXN")
    return re.sub(rf'("priceCurrency":\s*"){data[0]}"', rf'\g<1>{data[1]}"', texts)


def _feature(*icons: str) -> str:
    return rf'<div class="feature-icon"><i class="fal fa-(?:{"|".join(icons)})"[^>]*></i>[^<]*</div>'


def _tracked(name: str) -> str:
    return rf"&#34;{name}&#34;: [^,}}]*, |, &#34;{name}&#34;: [^,}}]*(?=}})"


_FIELDS: Mapping[str, tuple[str, ...]] = {
    "price": (
        r'<li class="price">.*?</li>',
        r'<div class="price">\s*<div class="digits">[^<]*</div>\s*<div class="operation-type">[^<]*</div>\s*</div>',
        r'"offers": (?:\[[^\]]*\]|\{[^}]*\}), ',
    ),
    "bedrooms": (r"<div>[0-9]+ (?:bedroom|recámara)s?</div>", _feature("bed"), _tracked("Bedrooms")),
    "bathrooms": (r"<div>[0-9]+ (?:bathroom|baño)s?</div>", _feature("bath"), _tracked("Bathrooms")),
    "parking": (_feature("car"), _tracked("Parking Spaces")),
    "area": (r"<div>[0-9,.]+ m²</div>", _feature("cube", "expand"), _tracked("Area M2"), r', "floorSize": \{[^}]*\}'),
    "title": (
        r'<div class="title">[^<]*</div>',
        r'<h1 class="property-title">.*?</h1>',
        r'"name": "(?:[^"\\]|\\.)*", ',
    ),
    "description": (r'<p class="text-(?:description|break)">.*?</p>',),
    "location": (
        r' data-lat="[^"]*" data-long="[^"]*"',
        r' data-lazy-iframe-url="[^"]*"',
        r' data-clipboard-text="[^"]*"',
    ),
    "publisher": (r'<div class="publisher-(?:name|organization-name)">[^<]*</div>',),
}
FIELDS = tuple(_FIELDS)
"""What can vanish from cards and details."""


def without_field(page: str, field: str) -> str:
    """Raises KeyError for one that is not in FIELDS."""
    return _patterns()[field].sub("", page)


@cache
def _patterns() -> Mapping[str, "re.Pattern[str]"]:
    return {name: re.compile("|".join(f"(?:{one})" for one in patterns), re.DOTALL) for name, patterns in _FIELDS.items()}
