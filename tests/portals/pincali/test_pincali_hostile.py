"""Whatever bytes arrive: an item, a page, or UnreadablePage."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_poet import HttpResponse

from propspider import portals
from propspider.items import ManifestPage, PropertyItem
from propspider.portals import UnreadablePage

from .markup import SITE, card, detail_page, features, image, linked, listing_page, next_button, price

PINCALI = portals.load("pincali")
LISTING = listing_page(
    card(prices=price("$5") + price("US$ 6", "For Rent")),
    card(tag="div", key="EB-AB1002", number=7001002),
    linked("/en/home/casa-uno", [{"price": 5, "priceCurrency": "MXN"}]),
    following=next_button(2),
).encode()
DETAIL = detail_page(
    features=features(("bed", "2 bedrooms"), ("cube", "90 m²"), ("calendar", "Year Built: New")),
    body='<div class="listing__map"><div data-lazy-iframe-url="https://maps.example.com/?q=20.5,-103"></div></div>',
    head=linked("/en/home/casa-uno", []),
).encode()


def read_both(body: bytes, charset: str = "utf-8") -> tuple[ManifestPage, PropertyItem | None]:
    headers = {"Content-Type": f"text/html; charset={charset}"}
    listing = PINCALI.listing_page(HttpResponse(url=f"{SITE}/en/properties/x", body=body, status=200, headers=headers))
    try:
        item = PINCALI.detail_page(HttpResponse(url=f"{SITE}/en/home/x", body=body, status=200, headers=headers))
    except UnreadablePage:
        item = None
    assert len(listing.entries) + len(listing.problems) <= listing.cards * 12
    return listing, item


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from (key, *strings(one))
    elif isinstance(value, list | tuple | frozenset):
        for one in value:
            yield from strings(one)


@given(st.binary(max_size=400), st.sampled_from(["utf-8", "utf-16", "utf-7", "iso-8859-1", "nonsense"]))
@settings(max_examples=60, deadline=None)
def test_any_bytes(body: bytes, charset: str) -> None:
    read_both(body, charset)


@given(st.integers(min_value=0), st.sampled_from([LISTING, DETAIL]))
@settings(max_examples=120, deadline=None)
def test_a_page_cut_anywhere(cut: int, page: bytes) -> None:
    read_both(page[: cut % len(page)])


@given(st.integers(), st.sampled_from([LISTING, DETAIL]), st.sampled_from(["utf-8", "iso-8859-1", "utf-16"]))
@settings(max_examples=80, deadline=None)
def test_a_page_with_flipped_bytes_gives_text_that_can_be_stored(seed: int, page: bytes, charset: str) -> None:
    rng = random.Random(seed)  # noqa: S311
    damaged = bytearray(page)
    for _ in range(40):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    listing, item = read_both(bytes(damaged), charset)
    read = [getattr(entry, name) for entry in listing.entries for name in ("property_id", "source_url", "title")]
    if item is not None:
        read += [
            getattr(item, name)
            for name in ("property_id", "source_url", "title", "address", "image_urls", "features", "amenities")
        ]
    for text in strings(read):
        text.encode()
        assert "\x00" not in text


@pytest.mark.parametrize("charset", ["idna", "rot13", "base64", "unicode_escape", "utf-16", "utf-7"])
def test_a_declared_charset_that_decodes_no_text(charset: str) -> None:
    read_both(DETAIL, charset)
    read_both(LISTING, charset)


def test_a_codec_for_no_text_is_read_as_utf_8() -> None:
    assert read_both(LISTING, "idna")[0] == read_both(LISTING)[0]


def test_lone_surrogates_and_nul_bytes() -> None:
    surrogate = rb'<div class="listing-id">EB-AB1001</div><h1 class="property-title">Casa \ud800 dos</h1>'
    item = read_both(surrogate, "unicode_escape")[1]
    assert item is not None
    assert item.title == "Casa ? dos"
    assert read_both(b"\x00" * 1000)[0].cards == 0
    assert read_both(LISTING.replace(b"<div", b"\x00<div"))[0].cards == 2


def test_an_empty_page() -> None:
    assert read_both(b"") == (ManifestPage(entries=(), stated_total=None, page=1, next_page=None), None)


def test_ten_megabytes() -> None:
    one = card(key="EB-AB1003", number=7001003).encode()
    html = LISTING + one * (10_000_000 // len(one))
    listing = PINCALI.listing_page(HttpResponse(url=f"{SITE}/en/properties/x", body=html, status=200))
    assert listing.warnings.count("card/duplicate") > 10_000
    assert len(listing.entries) == 3
    photos = "".join(f'<img src="{image("EB-AB1001", 7001001, n)}">' for n in range(1, 20_000))
    html = detail_page(images=photos, body=f"<p>{'x' * 93}</p>" * 100_000).encode()
    item = PINCALI.detail_page(HttpResponse(url=f"{SITE}/en/home/x", body=html, status=200))
    assert item.image_urls is not None
    assert len(item.image_urls) == 19_999


def test_deep_nesting() -> None:
    read_both(b"<div class='property__component'>" * 3000)
    read_both(b"<div class='listing__features'>" + b"<span class='feature-icon'>" * 3000)


@pytest.mark.parametrize(
    "listing",
    [
        '{"@type": "RealEstateListing", "offers": {"price": 1e999999999, "priceCurrency": "MXN"}, "geo": {"latitude": 1e400}}',
        '{"@type": "RealEstateListing", "geo": {"latitude": ' + "9" * 5000 + ', "longitude": 1}}',
        '{"@type": "RealEstateListing", "url": [1], "offers": [1, null, {"price": []}], "geo": [], "category": {}, "name": 3}',
        '{"@type": "RealEstateListing", "datePosted": 5, "offers": {}}',
        "[" * 100_000,
        "NaN",
    ],
)
def test_odd_json(listing: str) -> None:
    html = f'<div class="listing-id">EB-AB1001</div><script type="application/ld+json">{listing}</script>{card()}'
    assert read_both(html.encode())[1] is not None


@pytest.mark.parametrize(
    "block",
    ["[", "[" * 100_000, "5", "null", '{"Property ID": 5, "City": [], "Bedrooms": {}, "Area M2": "x", "Type": 7, "Sale": "yes"}'],
)
def test_an_odd_summary_block(block: str) -> None:
    html = f"<div class='listing-id'>EB-AB1001</div><div data-track-custom-properties='{block}'></div>"
    item = read_both(html.encode())[1]
    assert item is not None
    assert (item.property_id, item.city, item.bedrooms) == ("pincali:EB-AB1001", None, None)
