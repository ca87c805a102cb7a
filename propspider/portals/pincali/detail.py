"""A detail page → one item. Structured blocks first, then attributes, then text; nothing from the similar listings."""

import re
from datetime import datetime
from typing import Any

import attrs
from selectolax.lexbor import LexborHTMLParser, LexborNode

from propspider.fields import dates, listing_id, phone, place, vocabulary
from propspider.fields.place import Coordinates
from propspider.fields.text import clean_line
from propspider.items import Offer, Operation, PropertyItem
from propspider.portals.contract import Portal, UnreadablePage
from propspider.portals.pincali import markup, media
from propspider.portals.pincali.document import Document
from propspider.portals.pincali.facts import read_facts
from propspider.portals.pincali.offers import Prices, linked_prices

_OTHERS = ".listing__similar-properties, .property__component"
_MAP_LINKS = (
    ("[data-lazy-iframe-url]", "data-lazy-iframe-url"),
    ("#map_container iframe", "src"),
    (".listing__map iframe", "src"),
    (".copy-clipboard[data-clipboard-text]", "data-clipboard-text"),
)
_APPROXIMATE = re.compile(
    r"location is approximate|ubicaci[oó]n (?:es )?aproximada|localiza[cç][aã]o (?:é )?aproximada", re.IGNORECASE
)


def read_detail(tree: LexborHTMLParser, url: str, portal: Portal) -> PropertyItem:
    """Raises UnreadablePage when the page names no listing."""
    while other := tree.css_first(_OTHERS):
        other.decompose()
    page = Document(tree, url, portal)
    key = _public_id(page)
    title, title_original = _translated(tree.css_first("h1.property-title"))
    description, description_original = _description(tree)
    facts = read_facts(tree, page.block, page.rows, page.warnings)
    images = media.images(tree, url, page.internal_id, key)
    published = _published(page)
    values = _place(page) | _publisher(page) | vars(facts)
    item = PropertyItem(
        property_id=listing_id.property_id(portal.name, key),
        source_url=page.source_url,
        internal_id=page.internal_id,
        title=title,
        title_original=title_original,
        description=description,
        description_original=description_original,
        language=_language(tree),
        property_type=markup.property_type(_type_labels(page), page.warnings),
        offers=_offers(page),
        amenities=_amenities(page),
        main_image_url=images[0] if images else None,
        image_urls=images or None,
        virtual_tour_url=media.virtual_tour(tree, url),
        video_url=media.video(tree, url),
        published_at=published,
        listing_date=published.date() if published else None,
        warnings=tuple(page.warnings),
        **values,
    )
    return attrs.evolve(item, stated_empty=frozenset(name for name in page.stated_empty if getattr(item, name) is None))


def _public_id(page: Document) -> str:
    image = media.first_own_image(page.tree)
    named = image if image and image["internal"] == page.internal_id else None
    found = [
        markup.public_id(page.text("Property ID")),
        markup.public_id(markup.line(page.tree.css_first(".listing-id"))),
        markup.public_id(named["name"]) if named else None,
    ]
    keys = [key for key in found if key]
    if not keys:
        raise UnreadablePage("the page names no listing")
    if len(set(keys)) > 1 or not markup.ids_agree(keys[0], page.internal_id):
        page.warnings.append("id/disagreement")
    return keys[0]


def _translated(node: LexborNode | None) -> tuple[str | None, str | None]:
    """The text shown and, where it is a translation, the hidden original. The translation may have been toggled off."""
    if node is None:
        return None, None
    versions = [(markup.paragraphs(span), "d-none" in markup.classes(span)) for span in node.css("span[data-translation]")]
    shown = next((text for text, hidden in versions if text and not hidden), None)
    hidden_text = next((text for text, hidden in versions if text and hidden), None)
    if shown is None:
        return hidden_text or markup.paragraphs(node), None
    return shown, hidden_text if hidden_text != shown else None


def _description(tree: LexborHTMLParser) -> tuple[str | None, str | None]:
    for selector in (".listing__description .text-description", ".text-description", "#description-modal .text-break"):
        texts = _translated(tree.css_first(selector))
        if texts[0]:
            return texts
    return None, None


def _language(tree: LexborHTMLParser) -> str | None:
    declared = markup.attribute(tree.css_first("html"), "lang") or ""
    published = markup.read_object(markup.attribute(tree.css_first("[data-publication-date]"), "data-publication-date"))
    for tag in (declared, published.get("language")):
        if isinstance(tag, str) and (match := re.match(r"([A-Za-z]{2})(?:[-_]|$)", tag.strip())):
            return match[1].lower()
    return None


def _type_labels(page: Document) -> list[object]:
    crumb = next((node for node in page.tree.css(".eb-breadcrumbs a") if markup.line(node)), None)
    labels = [page.block.get("Property Type"), page.block.get("Type"), page.linked("category"), page.rows.get("property_type")]
    return [*labels, page.card_line.type_label, markup.line(crumb)]


def _offers(page: Document) -> tuple[Offer, ...]:
    prices = Prices(currency=page.portal.facts.currency, operation=_operation(page))
    linked = linked_prices(page.listing)
    for block in page.tree.css(".listing__price .price"):
        prices.add(block, linked)
    prices.add_linked(linked)
    page.warnings.extend(prices.warnings)
    if not prices.offers and not prices.warnings:
        page.warnings.append("price/missing")
    return tuple(prices.offers)


def _operation(page: Document) -> Operation | None:
    """What the page says once for all its prices; None when it names several operations or none."""
    for label in (page.text("Operation Type"), page.rows.get("operation")):
        if known := vocabulary.read_operation(label).value:
            return known
    flags = {Operation.SALE: page.block.get("Sale") is True, Operation.RENT: page.block.get("Rental") is True}
    named = [operation for operation, flag in flags.items() if flag]
    return named[0] if len(named) == 1 else None


def _place(page: Document) -> dict[str, Any]:
    shown = markup.line(page.tree.css_first(".map-address-info"))
    city = page.text("City") or page.rows.get("city")
    neighborhood = page.text("Neighborhood") or page.rows.get("neighborhood")
    address = place.read_address(shown, neighborhood=neighborhood, city=city)
    where = _coordinates(page)
    return {
        "address": shown,
        "street": address.street or page.rows.get("street"),
        "neighborhood": neighborhood or address.neighborhood or page.card_line.neighborhood,
        "city": city or address.city or page.card_line.city,
        "state": page.text("State") or page.rows.get("state") or address.state,
        "postal_code": place.read_postal_code(page.rows.get("postal_code")) or address.postal_code,
        "country": page.portal.facts.country,
        "latitude": where.latitude if where else None,
        "longitude": where.longitude if where else None,
        "exact_location": _is_exact(page.tree),
    }


def _coordinates(page: Document) -> Coordinates | None:
    """From the page as served, as rendered, or its clipboard link; a broken one is counted only if no other is good."""
    unknown = False
    for selector, name in _MAP_LINKS:
        for node in page.tree.css(selector):
            reading = place.read_map_url(markup.attribute(node, name))
            if reading.value:
                return reading.value
            unknown = unknown or reading.unknown is not None
    linked = place.read_coordinates(page.linked("geo", "latitude"), page.linked("geo", "longitude"))
    if linked.value is None and (unknown or linked.unknown):
        page.warnings.append("coordinates/unknown")
    return linked.value


def _is_exact(tree: LexborHTMLParser) -> bool | None:
    """False where the page says that the place is approximate; a page that says nothing does not say that it is exact."""
    stated = markup.attribute(tree.css_first("[data-exact-location]"), "data-exact-location")
    if stated in {"true", "false"}:
        return stated == "true"
    section = tree.css_first(".listing__map")
    return False if section is not None and _APPROXIMATE.search(section.text(separator=" ")) else None


def _amenities(page: Document) -> dict[str, list[str]] | None:
    section = page.tree.css_first(".listing__amenities")
    if section is None:
        return None
    groups: dict[str, list[str]] = {}
    for group in section.css(".amenities-group"):
        title = markup.line(group.css_first(".amenities-group-title")) or ""
        names = [name for item in group.css(".amenities-list li") if (name := markup.line(item))]
        if names:
            groups.setdefault(title, []).extend(name for name in dict.fromkeys(names) if name not in groups.get(title, []))
    if not groups:
        page.stated_empty.add("amenities")
    return groups or None


def _publisher(page: Document) -> dict[str, Any]:
    """A phone only where the page shows one: it hides them behind a message to the agent, which nobody sends."""
    tree = page.tree
    shown = [node.text(separator=" ") for node in tree.css(".publisher-phones")]
    shown += [href for node in tree.css('.publisher-info a[href^="tel:"]') if (href := markup.attribute(node, "href"))]
    readings = [phone.read_phone(text, region=page.portal.facts.country) for text in shown]
    if any(reading.unknown for reading in readings):
        page.warnings.append("phone/unknown")
    mail = markup.attribute(tree.css_first('.publisher-info a[href^="mailto:"]'), "href")
    form = tree.css_first("form[data-property-messages-form], form.new_property_message")
    return {
        "agent_name": markup.line(tree.css_first(".publisher-name")),
        "agency_name": markup.line(tree.css_first(".publisher-organization-name")),
        "agent_phone": next((reading.value for reading in readings if reading.value), None),
        "agent_email": _address_of(mail),
        "message_url": markup.own_url(page.portal, page.url, markup.attribute(form, "action")),
    }


def _address_of(mail: str | None) -> str | None:
    found = re.fullmatch(r"mailto:([^\s@?<>]{1,64}@[^\s@?<>]{1,190})(?:\?.*)?", mail or "")
    return clean_line(found[1]) if found else None


def _published(page: Document) -> datetime | None:
    stated = markup.read_object(markup.attribute(page.tree.css_first("[data-publication-date]"), "data-publication-date"))
    unknown = False
    for text in (stated.get("date"), page.linked("datePosted")):
        reading = dates.read_instant(text if isinstance(text, str) else None)
        if reading.value:
            return reading.value
        unknown = unknown or reading.unknown is not None
    if unknown:
        page.warnings.append("published/unknown")
    return None
