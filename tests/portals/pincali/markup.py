"""Small invented pages in both of Pincali's layouts."""

import json
from html import escape
from typing import Any

from web_poet import HttpResponse

SITE = "https://www.pincali.com"
IMAGES = "https://assets.easybroker.com/property_images"


def response(html: str | bytes, path: str = "/en/properties/properties-for-sale", charset: str = "utf-8") -> HttpResponse:
    body = html if isinstance(html, bytes) else html.encode()
    return HttpResponse(
        url=SITE + path,
        body=body,
        status=200,
        headers={"Content-Type": f"text/html; charset={charset}", "Set-Cookie": "session=1"},
    )


def image(key: str, number: int, photo: int = 1) -> str:
    return f"{IMAGES}/{number}/{photo}/{key}.jpg?version=7"


def price(text: str, label: str = "For Sale") -> str:
    return f'<li class="price">\n {text}\n <span>{label}</span></li>'


def card(
    *,
    tag: str = "li",
    key: str | None = "EB-AB1001",
    data_id: str | None = None,
    number: int | None = 7001001,
    href: str | None = "/en/home/casa-uno",
    title: str = "A house",
    location: str = "House in Las Palmas, Valle Hermoso",
    prices: str = price("$4,650,000"),
    coordinates: tuple[str, str] = ("20.5", "-103.25"),
    exact: str = "true",
) -> str:
    attributes = f' data-id="{data_id}"' if data_id else ""
    favorite = f'<div class="favorite-button" data-id="{number}"></div>' if number else ""
    link = f' href="{href}"' if href is not None else ""
    picture = f'<div class="swiper-slide"><a{link}><img data-src="{image(key, number or 1)}"></a></div>' if key else ""
    return f"""<{tag} class="property__component" data-lat="{coordinates[0]}" data-long="{coordinates[1]}"
 data-exact-location="{exact}"{attributes}><div class="property__media">{favorite}{picture}</div>
<a class="property__content d-block"{link}><section><div class="top"><div class="title">{escape(title)}</div></div>
<div class="location">{location}</div><div class="features"><div>3 bedrooms</div></div>{prices}</section></a></{tag}>"""


def linked(path: str, offers: Any, *, category: str = "Casa", name: str = "Una casa") -> str:
    listing = {"@type": "RealEstateListing", "url": SITE + path, "name": name, "category": category, "offers": offers}
    return f'<script type="application/ld+json">{json.dumps(listing)}</script>'


def listing_page(*cards: str, total: str = "87", current: int = 1, following: str = "", lang: str = "en-MX") -> str:
    """`following` is the next button's markup."""
    return f"""<!DOCTYPE html><html lang="{lang}"><head><title>Listings</title></head><body>
<div class="action__result"><h1>Listings</h1><h2>{total} results</h2></div>
<div class="list__properties" data-search-results data-total="{total}">{"".join(cards)}</div>
<nav class="pagination"><span class="pagination-button page current">
 {current}
</span>{following}</nav></body></html>"""


def next_button(page: int, *, disabled: bool = False) -> str:
    state = " disabled" if disabled else ""
    return f'<span class="next page pagination-button{state}"><a rel="next" href="/en/properties/x?page={page}">›</a></span>'


def detail_page(
    *,
    key: str | None = "EB-AB1001",
    number: int | None = 7001001,
    slug: str = "casa-uno",
    lang: str = "en",
    block: dict[str, Any] | None = None,
    head: str = "",
    title: str = "<span data-translation>House for rent</span><span class='d-none' data-translation>Casa en renta</span>",
    prices: str = '<div class="price"><div class="digits">$10,100</div><div class="operation-type">For Rent</div></div>',
    published: str = '{"language":"en","date":"2025-11-11T23:23:39-06:00"}',
    features: str = "",
    images: str | None = None,
    body: str = "",
) -> str:
    summary = {"Property ID": key, "State": "Jalisco", "City": "Valle Hermoso", "Type": "House"} if block is None else block
    favorite = f'<div class="favorite-button" data-id="{number}"></div>' if number else ""
    photos = images if images is not None else "".join(f'<img src="{image(key or "x", number or 1, n)}">' for n in (1, 2, 3))
    return f"""<!DOCTYPE html><html lang="{lang}"><head><link rel="canonical" href="{SITE}/en/home/{slug}">{head}</head><body>
<div class="listing"><div class="listing__header" data-track-custom-properties="{escape(json.dumps(summary))}">
<h1 class="property-title">{title}</h1>{favorite}</div>
<div class="photo-tour__grid">{photos}</div>
<div class="listing__intro"><div class="listing-id"><span>{f"ID: {key}" if key else ""}</span></div>
<span data-publication-date="{escape(published)}">an hour ago</span>
<div class="listing__price">{prices}</div><h1 class="property-title">{title}</h1>
<h2 class="location">House in Las Palmas, Valle Hermoso</h2>{features}</div>{body}</div></body></html>"""


def feature(icon: str, text: str) -> str:
    return f'<div class="feature-icon"><i class="fal fa-{icon}"></i> {text} </div>'


def features(*icons_and_texts: tuple[str, str]) -> str:
    return f'<div class="listing__features">{"".join(feature(icon, text) for icon, text in icons_and_texts)}</div>'
