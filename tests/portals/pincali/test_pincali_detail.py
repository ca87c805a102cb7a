from datetime import date
from decimal import Decimal

import pytest

from propspider import portals
from propspider.items import Offer, Operation, PriceKind, PriceUnit, PropertyItem, PropertyType
from propspider.portals import UnreadablePage

from .markup import SITE, card, detail_page, features, image, linked, response

PINCALI = portals.load("pincali")


def read(html: str, path: str = "/en/home/casa-uno") -> PropertyItem:
    return PINCALI.detail_page(response(html, path))


def price(text: str, label: str | None = "For Sale") -> str:
    operation = f'<div class="operation-type">{label}</div>' if label else ""
    return f'<div class="price"><div class="digits">{text}</div>{operation}</div>'


def rows(*pairs: tuple[str, str]) -> str:
    return "".join(f'<li class="listing__data-row"><span>{label}</span><span>{value}</span></li>' for label, value in pairs)


def test_the_structured_block_names_the_listing() -> None:
    item = read(detail_page())
    assert (item.property_id, item.internal_id) == ("pincali:EB-AB1001", "7001001")
    assert item.warnings == ()


def test_without_the_block_the_shown_id_or_the_own_pictures_name_it() -> None:
    assert read(detail_page(block={})).property_id == "pincali:EB-AB1001"
    unnamed = detail_page(block={}).replace("ID: EB-AB1001", "")
    assert read(unnamed).property_id == "pincali:EB-AB1001"


def test_a_page_that_names_no_listing_is_unreadable() -> None:
    similar = f'<div class="listing__similar-properties">{card(key="EB-ZZ9999", number=8009999)}</div>'
    with pytest.raises(UnreadablePage):
        read(detail_page(key=None, block={}, images="", body=similar))
    with pytest.raises(UnreadablePage):
        read(detail_page(key=None, block={}, images=f'<img src="{image("EB-ZZ9999", 8009999)}">'))


def test_disagreeing_ids_are_counted() -> None:
    item = read(detail_page(block={"Property ID": "EB-AB2001", "Type": "House"}))
    assert item.property_id == "pincali:EB-AB2001"
    assert item.warnings == ("id/disagreement",)
    assert read(detail_page(number=7001002)).warnings == ("id/disagreement",)


@pytest.mark.parametrize(
    ("canonical", "expected"),
    [
        (f"{SITE}/en/home/casa-uno", f"{SITE}/en/home/casa-uno"),
        ("/en/home/casa-uno#top", f"{SITE}/en/home/casa-uno"),
        ("https://elsewhere.example.com/x", f"{SITE}/en/home/eb-ab1001"),
        (f"{SITE}/", f"{SITE}/en/home/eb-ab1001"),
        ("", f"{SITE}/en/home/eb-ab1001"),
    ],
)
def test_the_source_url_is_the_canonical_one_if_it_is_the_portals_own(canonical: str, expected: str) -> None:
    html = detail_page().replace(f'href="{SITE}/en/home/casa-uno"', f'href="{canonical}"', 1)
    assert read(html, "/en/home/eb-ab1001").source_url == expected


def test_a_translation_toggled_off_still_gives_one_title() -> None:
    html = detail_page(title="<span data-translation class='d-none'>House</span><span data-translation>Casa</span>")
    assert (read(html).title, read(html).title_original) == ("Casa", "House")
    hidden = detail_page(title="<span data-translation class='d-none'>House</span>")
    assert (read(hidden).title, read(hidden).title_original) == ("House", None)
    same = detail_page(title="<span data-translation>Casa</span><span data-translation class='d-none'>Casa</span>")
    assert (read(same).title, read(same).title_original) == ("Casa", None)


def test_a_title_without_translation_is_text_never_markup() -> None:
    assert read(detail_page(title="&lt;i&gt;[/] Casa&#0; &#xD800;")).title == "<i>[/] Casa\ufffd \ufffd"
    assert read(detail_page(title="")).title is None


def test_the_description_may_be_in_its_modal_only() -> None:
    modal = '<div id="description-modal"><p class="text-break">One<br>two</p></div>'
    assert read(detail_page(body=modal)).description == "One\ntwo"
    assert read(detail_page(body='<p class="text-description"> </p>')).description is None


@pytest.mark.parametrize(("lang", "expected"), [("en-MX", "en"), ("es", "es"), ("", "en"), ("english", "en")])
def test_the_language_of_the_page(lang: str, expected: str) -> None:
    assert read(detail_page(lang=lang)).language == expected


def test_no_language_is_not_guessed() -> None:
    assert read(detail_page(lang="", published="{}")).language is None


def test_two_prices_are_two_offers() -> None:
    item = read(detail_page(prices=price("$43,000,000") + price("US$ 12,000", "For Rent")))
    assert item.offers == (
        Offer(operation=Operation.SALE, amount=Decimal(43_000_000), currency="MXN"),
        Offer(operation=Operation.RENT, amount=Decimal(12_000), currency="USD"),
    )


def test_fault_6_per_square_meter_and_on_request() -> None:
    item = read(detail_page(prices=price("$8,800 MXN por m²") + price("Consulte precio", "En Renta")))
    assert [(offer.kind, offer.unit) for offer in item.offers] == [
        (PriceKind.EXACT, PriceUnit.SQUARE_METER),
        (PriceKind.ON_REQUEST, PriceUnit.TOTAL),
    ]
    assert item.warnings == ()


@pytest.mark.parametrize(
    ("block", "body", "expected"),
    [
        ({"Operation Type": "Sale"}, "", Operation.SALE),
        ({"Rental": True, "Sale": False}, "", Operation.RENT),
        ({"Rental": True, "Sale": True}, "", None),
        ({}, rows(("Operación", "Remate")), Operation.FORECLOSURE),
        ({"Operation Type": "Barter"}, "", None),
    ],
)
def test_a_price_without_label_takes_the_operation_that_the_page_states_once(
    block: dict[str, object], body: str, expected: Operation | None
) -> None:
    item = read(detail_page(block={"Property ID": "EB-AB1001", **block}, prices=price("$5", None), body=body))
    assert [offer.operation for offer in item.offers] == ([expected] if expected else [])
    assert item.warnings == (() if expected else ("operation/unknown",))


def test_unreadable_and_missing_prices_are_counted() -> None:
    assert read(detail_page(prices=price("ask me later"))).warnings == ("price/unreadable",)
    assert read(detail_page(prices="")).warnings == ("price/missing",)


def test_json_ld_fills_what_the_page_lacks() -> None:
    head = linked("/en/home/casa-uno", [], category="Villa").replace(
        '"offers"', '"datePosted": "2026-01-02T03:04:05-06:00", "geo": {"latitude": 20.25, "longitude": "-103"}, "offers"'
    )
    item = read(detail_page(head=head, block={"Property ID": "EB-AB1001", "Sale": True}, prices="", published="{}"))
    assert item.offers == (Offer(operation=Operation.SALE, kind=PriceKind.ON_REQUEST),)
    assert item.property_type is PropertyType.VILLA
    assert (item.latitude, item.longitude) == (20.25, -103.0)
    assert item.listing_date == date(2026, 1, 2)


def test_json_ld_of_another_listing_is_not_read() -> None:
    plain = read(detail_page())
    assert read(detail_page(head=linked("/en/home/other", [], category="Villa"))) == plain
    unnamed = linked("/x", [], category="Villa").replace('"url"', '"about"')
    assert read(detail_page(head=unnamed, block={"Property ID": "EB-AB1001"})).property_type is PropertyType.VILLA
    assert read(detail_page(head=unnamed * 2, block={"Property ID": "EB-AB1001"})).property_type is PropertyType.HOUSE


@pytest.mark.parametrize("published", ["{}", "x", '{"date": 5}', "[]"])
def test_no_publication_date(published: str) -> None:
    item = read(detail_page(published=published))
    assert (item.published_at, item.listing_date, item.warnings) == (None, None, ())


def test_a_publication_date_without_offset_is_counted() -> None:
    assert read(detail_page(published='{"date": "2025-11-11T14:23:39"}')).warnings == ("published/unknown",)


def test_the_listing_date_is_the_day_as_written() -> None:
    assert read(detail_page(published='{"date": "2025-11-11T23:23:39-06:00"}')).listing_date == date(2025, 11, 11)


@pytest.mark.parametrize(
    "section",
    [
        '<div class="map-container"><div data-lazy-iframe-url="https://maps.example.com/e?key=k&amp;q=20.5,-103.25"></div></div>',
        '<div id="map_container"><iframe src="https://maps.example.com/e?q=20.5,-103.25"></iframe></div>',
        '<div class="listing__map"><iframe src="https://maps.example.com/e?q=20.5,-103.25"></iframe></div>',
        '<a class="copy-clipboard" data-clipboard-text="https://maps.example.com/?&amp;q=20.5+-103.25"></a>',
    ],
)
def test_fault_9_coordinates_as_served_as_rendered_and_from_the_clipboard(section: str) -> None:
    item = read(detail_page(body=section))
    assert (item.latitude, item.longitude, item.warnings) == (20.5, -103.25, ())


def test_a_broken_map_link_is_counted_only_where_no_other_is_good() -> None:
    broken = '<div data-lazy-iframe-url="https://maps.example.com/e?q=0,0"></div>'
    good = '<a class="copy-clipboard" data-clipboard-text="https://maps.example.com/?q=20.5+-103.25"></a>'
    assert read(detail_page(body=broken)).warnings == ("coordinates/unknown",)
    assert read(detail_page(body=broken + good)).warnings == ()


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("", None),
        ('<div class="listing__map">Map</div>', None),
        ('<div class="listing__map">The location is approximate</div>', False),
        ('<div class="listing__map">La ubicación es aproximada</div>', False),
        ('<div class="listing__map" data-exact-location="true"></div>', True),
    ],
)
def test_exactness_is_only_what_the_page_says(section: str, expected: bool | None) -> None:
    assert read(detail_page(body=section)).exact_location is expected


def test_fault_4_the_city_is_the_blocks() -> None:
    block = {"Property ID": "EB-AB1001", "State": "Querétaro", "City": "Querétaro", "Neighborhood": "El Sol"}
    body = '<p class="map-address-info">Calle 5 de Mayo 12345, El Sol, Querétaro, Querétaro</p>'
    item = read(detail_page(block=block, body=body))
    assert (item.street, item.neighborhood, item.city, item.state) == (
        "Calle 5 de Mayo 12345",
        "El Sol",
        "Querétaro",
        "Querétaro",
    )
    assert item.postal_code is None


def test_without_block_and_address_the_heading_tells_the_place() -> None:
    item = read(detail_page(block={"Property ID": "EB-AB1001"}))
    assert (item.neighborhood, item.city, item.state) == ("Las Palmas", "Valle Hermoso", None)


def test_fault_1_and_5_features_by_their_icons() -> None:
    item = read(
        detail_page(
            features=features(
                ("bed", "2 bedrooms"),
                ("bath", "3 bathrooms, 3 half baths"),
                ("car", "4"),
                ("cube", "1,225.25 m² total space"),
                ("expand", "1,000 m² Lot Size"),
                ("building", "Floor 3"),
                ("calendar", "Year Built: 2025"),
                ("star", "Condition: New"),
                ("arrows", "20 m de largo"),
            )
        )
    )
    assert (item.bedrooms, item.bathrooms, item.half_bathrooms, item.parking_spaces) == (2, 3, 3, 4)
    assert (item.total_area_m2, item.covered_area_m2, item.lot_size_m2) == (Decimal("1225.25"), Decimal("1225.25"), Decimal(1000))
    assert (item.floor_number, item.construction_year, item.condition) == (3, 2025, "New")
    assert item.features is not None
    assert item.features[-1] == "20 m de largo"
    assert item.warnings == ()


def test_an_areas_own_words_go_before_its_icon() -> None:
    item = read(detail_page(features=features(("cube", "601.15 m² de terreno"), ("ruler", "90 m² de construcción"))))
    assert (item.lot_size_m2, item.covered_area_m2) == (Decimal("601.15"), Decimal(90))


def test_unreadable_features_are_counted_by_field() -> None:
    texts = (("bed", "some"), ("cube", "-5 m²"), ("calendar", "Year Built: soon"))
    item = read(detail_page(features=features(*texts)))
    assert item.warnings == ("bedrooms/unknown", "area/unknown", "construction_year/unknown")
    assert (item.bedrooms, item.covered_area_m2, item.construction_year) == (None, None, None)


def test_a_features_section_without_a_parking_row_states_nothing() -> None:
    item = read(detail_page(features=features(("bed", "2 bedrooms"))))
    assert (item.parking_spaces, item.stated_empty) == (None, frozenset())
    assert read(detail_page(features=features())).features is None


def test_the_summary_block_goes_before_rows_and_rows_before_icons() -> None:
    block = {"Property ID": "EB-AB1001", "Bedrooms": 5, "Area M2": "140.25", "Bathrooms": None, "Parking Spaces": "x"}
    body = rows(
        ("Recámaras", "4"), ("Baños", "2"), ("Terreno", "300 m²"), ("Condición", "Por remodelar"), ("Antigüedad", "5 años")
    )
    item = read(detail_page(block=block, body=body, features=features(("bath", "9 bathrooms"), ("car", "1 parking space"))))
    assert (item.bedrooms, item.bathrooms, item.parking_spaces, item.age_years) == (5, 2, 1, 5)
    assert (item.covered_area_m2, item.lot_size_m2, item.condition) == (Decimal("140.25"), Decimal(300), "Por remodelar")


def test_the_spanish_rows_of_2026() -> None:
    body = rows(
        ("Tipo de inmueble", "Oficina"), ("Colonia:", "Centro"), ("Código postal", "45300"), ("Calle", "Luna 5"), ("Vista", "Mar")
    )
    item = read(
        detail_page(
            lang="es", block={"Property ID": "EB-AB1001"}, body=body + '<li class="listing__data-row"><span>x</span></li>'
        )
    )
    assert (item.property_type, item.neighborhood, item.postal_code, item.street) == (
        PropertyType.OFFICE,
        "Centro",
        "45300",
        "Luna 5",
    )


def test_a_blank_row_states_its_field_empty_unless_the_page_says_otherwise() -> None:
    body = rows(("Estacionamientos", "-"), ("Antigüedad", ""), ("Recámaras", "No disponible"), ("Operación", "-"))
    item = read(detail_page(body=body, features=features(("bed", "2 bedrooms"))))
    assert item.stated_empty == {"parking_spaces", "age_years"}
    assert item.bedrooms == 2


def test_amenities_by_group() -> None:
    group = '<div class="amenities-group"><div class="amenities-group-title">{}</div><ul class="amenities-list">{}</ul></div>'
    one, two = (
        group.format("Exterior", "<li><span>Pool</span></li><li>Pool</li>"),
        group.format("Exterior", "<li>Garden</li><li>Pool</li>"),
    )
    item = read(detail_page(body=f'<div class="listing__amenities">{one}{two}{group.format("Empty", "")}</div>'))
    assert item.amenities == {"Exterior": ["Pool", "Garden"]}
    assert item.stated_empty == frozenset()


def test_an_empty_amenities_section_states_that_there_are_none_and_a_missing_one_nothing() -> None:
    assert read(detail_page(body='<div class="listing__amenities"></div>')).stated_empty == {"amenities"}
    assert read(detail_page()).stated_empty == frozenset()


def test_fault_9_only_this_listings_pictures_and_each_once() -> None:
    own, other = image("EB-AB1001", 7001001, 5), image("EB-ZZ9999", 8009999)
    html = detail_page(
        images=f'<img src="{own}"><img src="{own}&amp;width=9"><img data-src="{other}"><img src="data:image/png,x"><img>'
    )
    assert read(html).image_urls == (own,)
    assert read(detail_page(images="")).image_urls is None


def test_pictures_fall_back_on_the_gallery_and_on_the_public_id() -> None:
    own = image("EB-AB1001", 7001001, 5)
    gallery = f'<div class="property__gallery"><div class="picture"><img src="{own}"></div></div>'
    assert read(detail_page(images="", body=gallery)).main_image_url == own
    item = read(detail_page(number=None, images=f'<img src="{own}"><img src="{image("EB-AB1001", 7001001, 6)}">'))
    assert item.internal_id == "7001001"
    assert item.image_urls is not None
    assert len(item.image_urls) == 2


def test_pictures_are_http_only() -> None:
    assert read(detail_page(images=f'<img src="ftp{image("EB-AB1001", 7001001)[5:]}">')).image_urls is None


def media(markup: str) -> PropertyItem:
    return read(detail_page(body=f'<div class="listing__media">{markup}</div>'))


def test_video_and_virtual_tour() -> None:
    item = media(
        '<a href="#">Photos</a><iframe src="https://www.youtube.com/embed/x"></iframe>'
        '<a class="virtual-tour" href="https://tours.example.com/1">Tour</a><a href="javascript:x()">Recorrido</a>'
    )
    assert (item.video_url, item.virtual_tour_url) == ("https://www.youtube.com/embed/x", "https://tours.example.com/1")
    assert (
        media('<iframe data-src="https://my.matterport.com/show/?m=x"></iframe>').virtual_tour_url
        == "https://my.matterport.com/show/?m=x"
    )
    assert media('<a href="https://notyoutube.com/x">Video</a>').video_url is None


def publisher(phones: str) -> str:
    name = '<div class="publisher-name">Ana Ficticia</div>'
    return f'<div class="publisher-info">{name}<div class="publisher-phones">{phones}</div></div>'


def test_a_phone_only_where_the_page_shows_one() -> None:
    assert read(detail_page(body=publisher(""))).agent_phone is None
    item = read(detail_page(body=publisher("<span>55 5555 5555</span>") * 2))
    assert (item.agent_name, item.agent_phone, item.warnings) == ("Ana Ficticia", "+525555555555", ())
    assert read(detail_page(body=publisher('<a href="tel:5555555555">Call</a>'))).agent_phone == "+525555555555"
    assert read(detail_page(body=publisher("000"))).warnings == ("phone/unknown",)


@pytest.mark.parametrize(
    ("href", "expected"), [("mailto:ana@example.com?subject=x", "ana@example.com"), ("mailto:", None), ("mailto:<b>", None)]
)
def test_an_agents_mail(href: str, expected: str | None) -> None:
    assert read(detail_page(body=publisher(f'<a href="{href}">Mail</a>'))).agent_email == expected


def test_a_message_form_off_the_portal_is_not_kept() -> None:
    form = '<form class="new_property_message" action="{}"></form>'
    assert read(detail_page(body=form.format("/home/casa-uno/messages"))).message_url == f"{SITE}/home/casa-uno/messages"
    assert read(detail_page(body=form.format("https://elsewhere.example.com/m"))).message_url is None


def test_nothing_comes_from_similar_listings() -> None:
    similar = (
        f'<div class="listing__similar-properties"><div class="listing__similar-properties">{card(number=8009999)}</div></div>'
    )
    assert read(detail_page(body=similar)) == read(detail_page())
    assert read(detail_page(body=card(number=8009999))) == read(detail_page())
