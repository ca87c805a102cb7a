"""Values as the portal's pages word them, in English and Spanish, in the 2025 and the 2026 layout."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from propspider.items import Offer, Operation, PriceKind, PriceUnit
from propspider.lab.catalogue import TYPES, Bilingual, Language
from propspider.lab.listing import Listing


class Layout(StrEnum):
    """The markup of a year: `li` cards with lazy images, or `div` cards with an id and one JSON-LD block each."""

    OF_2025 = "2025"
    OF_2026 = "2026"


OPERATIONS: Mapping[Operation, Bilingual] = {
    Operation.SALE: Bilingual("For Sale", "En Venta"),
    Operation.RENT: Bilingual("For Rent", "En Renta"),
    Operation.FORECLOSURE: Bilingual("Foreclosure", "Remate"),
    Operation.NEW_CONSTRUCTION: Bilingual("Under Construction", "En Construcción"),
}
_ON_REQUEST = Bilingual("Contact for price", "Consulte precio")
_FROM = Bilingual("From ", "Desde ")
_PER_M2 = Bilingual(" per m²", " por m²")

_BEDROOMS = Bilingual("bedroom", "recámara"), Bilingual("bedrooms", "recámaras")
_BATHROOMS = Bilingual("bathroom", "baño"), Bilingual("bathrooms", "baños")
_HALF_BATHS = Bilingual("half bath", "medio baño"), Bilingual("half baths", "medios baños")
_PARKING = Bilingual("parking space", "estacionamiento"), Bilingual("parking spaces", "estacionamientos")


def type_text(listing: Listing, language: Language) -> str:
    return TYPES[listing.property_type].label.said(language)


def location_text(listing: Listing, language: Language) -> str:
    joined = Bilingual("in", "en").said(language)
    return f"{type_text(listing, language)} {joined} {listing.neighborhood}, {listing.place.city}"


def operation_text(offer: Offer, language: Language) -> str:
    return OPERATIONS[offer.operation].said(language)


def price_text(offer: Offer, layout: Layout, language: Language) -> str:
    """Of 2025: `$4,650,000`, `US$ 12,000`. Of 2026: `$4,650,000 MXN`, `US$12,000`."""
    if offer.amount is None:
        return _ON_REQUEST.said(language)
    text = number_text(offer.amount)
    if offer.currency == "USD":
        text = f"US$ {text}" if layout is Layout.OF_2025 else f"US${text}"
    else:
        text = f"${text}" if layout is Layout.OF_2025 else f"${text} {offer.currency}"
    before = _FROM.said(language) if offer.kind is PriceKind.FROM else ""
    after = _PER_M2.said(language) if offer.unit is PriceUnit.SQUARE_METER else ""
    return f"{before}{text}{after}"


def number_text(value: Decimal) -> str:
    return f"{value:,.2f}" if value % 1 else f"{value:,.0f}"


def card_features(listing: Listing, language: Language) -> list[str]:
    area = listing.built_m2 or listing.lot_m2
    return [
        *_counted(listing.bedrooms, _BEDROOMS, language),
        *_counted(listing.bathrooms, _BATHROOMS, language),
        *([f"{number_text(area)} m²"] if area else []),
    ]


def detail_features(listing: Listing, language: Language) -> list[tuple[str, str]]:
    """(icon, text) in the page's order."""
    baths = [*_counted(listing.bathrooms, _BATHROOMS, language), *_counted(listing.half_bathrooms, _HALF_BATHS, language)]
    rows = [
        *(("bed", text) for text in _counted(listing.bedrooms, _BEDROOMS, language)),
        *([("bath", ", ".join(baths))] if baths else []),
        *(("car", text) for text in _counted(listing.parking_spaces, _PARKING, language)),
    ]
    if listing.built_m2:
        rows.append(("cube", f"{number_text(listing.built_m2)} m² " + Bilingual("total space", "de construcción").said(language)))
    if listing.lot_m2:
        rows.append(("expand", f"{number_text(listing.lot_m2)} m² " + Bilingual("Lot Size", "de terreno").said(language)))
    if listing.floor_number:
        rows.append(("building", Bilingual("Floor", "Piso").said(language) + f" {listing.floor_number}"))
    built = Bilingual("New", "A estrenar").said(language) if listing.is_new else listing.construction_year
    if built:
        rows.append(("calendar", Bilingual("Year Built", "Año de construcción").said(language) + f": {built}"))
    return rows


def ago_text(days: int, language: Language) -> str:
    if days <= 0:
        return Bilingual("today", "hoy").said(language)
    if days == 1:
        return Bilingual("yesterday", "ayer").said(language)
    return Bilingual(f"{days} days ago", f"hace {days} días").said(language)


def _counted(count: int | None, words: tuple[Bilingual, Bilingual], language: Language) -> list[str]:
    if count is None:
        return []
    one, many = words
    return [f"{count} {(one if count == 1 else many).said(language)}"]
