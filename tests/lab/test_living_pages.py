"""What a living portal serves at a moment is what its truth says of that moment, read by the portal's own page objects."""

import gzip
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.utils.sitemap import Sitemap

from propspider import portals
from propspider.fields.listing_id import property_id
from propspider.items import Operation, PropertyType
from propspider.lab.catalogue import Language
from propspider.lab.history import Manner
from propspider.lab.life import Life
from propspider.lab.listing import Listing
from propspider.lab.living import LivingPages
from propspider.lab.order import Order
from propspider.lab.pages import DETAIL_ROOTS, SITE, SOLD_TEXT, WITHDRAWN_TEXT
from propspider.lab.parameters import Parameters, of
from propspider.lab.scopes import SCOPE_OF, SCOPES, Filters, Scope
from propspider.lab.server import COUNTS, REQUESTS, create_app
from propspider.lab.serving import serve
from propspider.lab.texts import Layout
from propspider.lab.truth import Event, Kind
from propspider.portals import Judgement, Portal

from .client import Client
from .reading import expected_entry, expected_item, response, walk

START = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAYS = 120
PLAIN = {"missed": 0, "hard": 0, "featured": 0}
BUSY = of(
    {
        "pages": PLAIN,
        "changes": {"renames": 0.01, "offer_gone": 0.05},
        "listings": {"two_offers": 0.3},
        "relist": {"share": 0.2},
        "removal": {"not_found": 0.25, "sold": 0.25, "withdrawn": 0.25, "redirect": 0.25},
    }
)
LIFE = Life(BUSY, listings=100, seed=11, start=START, days=DAYS)
SALE, RENT = SCOPE_OF[Operation.SALE], SCOPE_OF[Operation.RENT]


@dataclass
class Living:
    """A living portal that is served, at a moment that the test sets; each request costs `step`."""

    life: Life
    now: datetime
    step: timedelta = timedelta(0)
    spent: list[float] = field(default_factory=list)
    client: Client = field(init=False)

    def spend(self, seconds: float) -> None:
        self.spent.append(seconds)
        self.now += self.step

    def listed(self, operation: Operation) -> list[Listing]:
        """Those shown under an operation now, by the truth alone, newest first."""
        rows = [int(row) for row in self.life.rows(self.now)]
        shown = [row for row in rows if self.life.is_shown(row) and operation in self.life.listing(row).operations]
        lifted = {number: self.life.people.published[number] for number in range(len(self.life.people))}
        numbers = {self.life.public_id(number): number for number in lifted}
        for event in self.life.events(START, self.now):
            if event.kind in {Kind.BUMPED, Kind.RELISTED}:
                lifted[numbers[event.public_id]] = int((event.at - START).total_seconds())
        listings = [self.life.listing(row) for row in shown]
        return sorted(listings, key=lambda one: (-lifted[one.number], -one.number))


@contextmanager
def living(life: Life, **options: Any) -> Iterator[Living]:
    found = Living(life, START)
    app = create_app(life, now=lambda: found.now, spend=found.spend, **options)
    with serve(app) as base_url:
        found.client = Client(base_url, app)
        yield found


def portal_of(served: Living) -> Portal:
    return portals.load("pincali").with_base(served.client.base_url, allow_private=True)


@pytest.fixture(scope="module")
def served() -> Iterator[Living]:
    with living(LIFE, page_size=10, page_cap=None) as found:
        yield found


@pytest.fixture(scope="module")
def portal(served: Living) -> Portal:
    return portal_of(served)


def first(kind: Kind, after: float = 1, **facts: Any) -> Event:
    return next(
        event
        for event in LIFE.events(START + timedelta(days=after), LIFE.end)
        if event.kind is kind and all(getattr(event, name) == value for name, value in facts.items())
    )


def removal(manner: Manner) -> tuple[int, datetime]:
    """The row of the first removal of that manner, and its moment."""
    history = LIFE.history
    rows = np.flatnonzero((history.kind == list(Kind).index(Kind.REMOVED)) & (history.manner == manner))
    last = [row for row in rows if row + 1 == len(history.at) or history.listing[row + 1] != history.listing[row]]
    row = min(last, key=lambda one: history.at[one])
    return int(row), LIFE.moment(history.at[row])


@pytest.mark.parametrize("day", [0.5, 60, 119])
@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.operation.value)
def test_the_pages_show_exactly_what_is_shown_at_the_moment(served: Living, portal: Portal, scope: Scope, day: float) -> None:
    served.now, served.step = START + timedelta(days=day), timedelta(0)
    pages = walk(served.client, portal, scope)
    truth = served.listed(scope.operation)
    assert [entry for page in pages for entry in page.entries] == [expected_entry(listing, "en") for listing in truth]
    assert {page.stated_total for page in pages} == {len(truth)}
    assert [page.problems + page.warnings for page in pages if page.problems or page.warnings] == []


@pytest.mark.parametrize(("day", "language"), [(1, "en"), (100, "es")])
def test_every_detail_page_reads_as_its_fact(served: Living, portal: Portal, day: float, language: Language) -> None:
    served.now, served.step = START + timedelta(days=day), timedelta(0)
    seen = 0
    for public_id, fact in LIFE.facts(served.now).items():
        if not fact.is_shown:
            continue
        answer = response(served.client, f"{served.client.base_url}{DETAIL_ROOTS[language]}/{fact.slug}")
        assert portal.judge(answer, "detail")[0] is Judgement.OK
        number = LIFE.number_of(public_id)
        row = None if number is None else LIFE.row(number, served.now)
        assert row is not None
        assert portal.detail_page(answer) == expected_item(LIFE.listing(row), language)
        seen += 1
    assert seen > 70


def test_an_english_page_says_what_the_fact_says(served: Living, portal: Portal) -> None:
    served.now = START + timedelta(days=50)
    for fact in list(LIFE.facts(served.now).values())[-60:]:
        if fact.is_shown:
            item = portal.detail_page(response(served.client, f"{served.client.base_url}/en/home/{fact.slug}"))
            assert item.property_id == property_id("pincali", fact.public_id)
            assert (item.title, item.description, item.offers) == (fact.title, fact.description, fact.offers)
            assert item.published_at == fact.published_at


def test_pages_drift_while_they_are_read(served: Living, portal: Portal) -> None:
    """What arrives between two pages pushes the last card of the first onto the second."""
    facts = LIFE.facts(LIFE.end)
    events = (event for event in LIFE.events(START + timedelta(days=20), LIFE.end) if event.kind is Kind.NEW)
    event = next(event for event in events if facts[event.public_id].offers[0].operation is Operation.SALE)
    served.now, served.step = event.at, timedelta(0)
    one = portal.listing_page(response(served.client, portal.page_url("sale", 1)), operation=Operation.SALE)
    served.now = event.at + timedelta(seconds=1)
    two = portal.listing_page(response(served.client, portal.page_url("sale", 2)), operation=Operation.SALE)
    assert two.entries[0] == one.entries[-1]
    assert two.stated_total == (one.stated_total or 0) + 1


def test_a_bump_lifts_a_listing_to_the_top_and_changes_nothing_else(served: Living, portal: Portal) -> None:
    events = (event for event in LIFE.events(START, LIFE.end) if event.kind is Kind.BUMPED)
    event = next(e for e in events if LIFE.facts(e.at)[e.public_id].offers[0].operation is Operation.SALE)
    served.now, served.step = event.at, timedelta(0)
    before = [entry for page in walk(served.client, portal, SALE) for entry in page.entries]
    served.now += timedelta(seconds=1)
    after = [entry for page in walk(served.client, portal, SALE) for entry in page.entries]
    assert after[0].property_id == property_id("pincali", event.public_id)
    assert before[0] != after[0]
    assert sorted(before, key=str) == sorted(after, key=str)


@pytest.mark.parametrize(
    ("manner", "status", "says"),
    [(Manner.NOT_FOUND, 404, None), (Manner.SOLD, 200, SOLD_TEXT.en), (Manner.WITHDRAWN, 200, WITHDRAWN_TEXT.en)],
)
def test_a_removed_listings_page_answers_in_its_manner(served: Living, manner: Manner, status: int, says: str | None) -> None:
    row, at = removal(manner)
    path = f"/en/home/{LIFE.slug(row)}"
    served.now = at
    assert served.client.ask(path).status == 200
    served.now = at + timedelta(seconds=1)
    answer = served.client.ask(path)
    assert answer.status == status
    assert says is None or says in answer.text
    served.now = at + timedelta(days=46)
    assert served.client.ask(path).status == 404


def test_a_removed_listings_page_may_lead_to_a_search(served: Living) -> None:
    row, at = removal(Manner.REDIRECT)
    served.now = at + timedelta(seconds=1)
    answer = served.client.ask(f"/inmueble/{LIFE.slug(row)}")
    operation = LIFE.offers(row)[0].operation
    assert (answer.status, answer.headers["location"]) == (302, SCOPE_OF[operation].path("es"))


def test_a_relisted_one_is_there_again_at_its_address(served: Living) -> None:
    event = first(Kind.RELISTED)
    path = f"/en/home/{LIFE.facts(event.at)[event.public_id].slug}"
    served.now = event.at + timedelta(seconds=1)
    answer = served.client.ask(path)
    assert answer.status == 200
    assert SOLD_TEXT.en not in answer.text
    assert WITHDRAWN_TEXT.en not in answer.text


def test_an_old_address_leads_to_the_new_one_or_nowhere(served: Living) -> None:
    statuses = set()
    for event in LIFE.events(START, LIFE.end):
        later = event.at + timedelta(seconds=1)
        if event.kind is Kind.RENAMED:
            old, new = (LIFE.facts(at)[event.public_id].slug for at in (event.at, later))
            served.now = event.at
            assert served.client.ask(f"/en/home/{old}").status == 200
            assert served.client.ask(f"/en/home/{new}").status == 404
            served.now = later
            answer = served.client.ask(f"/en/home/{old}")
            assert answer.status == 404 or answer.headers["location"] == f"/en/home/{new}"
            assert served.client.ask(f"/en/home/{new}").status == 200
            statuses.add(answer.status)
    assert statuses == {301, 404}


def test_nobody_is_at_an_address_that_was_never_one(served: Living) -> None:
    served.now = START
    fact = next(iter(LIFE.facts(START).values()))
    coming = LIFE.slug(int(LIFE.history.first[LIFE.people.stock]))
    for slug in (f"x{fact.slug}", "casa-1", "casa-99999999", "x", coming):
        assert served.client.ask(f"/en/home/{slug}").status == 404


def test_an_etag_holds_until_the_page_changes(served: Living) -> None:
    event = first(Kind.REPRICED, 30)
    path = f"/en/home/{LIFE.facts(event.at)[event.public_id].slug}"
    for asked, until in ((path, timedelta(seconds=1)), (SALE.path("en"), timedelta(days=30))):
        served.now = event.at
        tag = served.client.ask(asked).headers["etag"]
        again = served.client.ask(asked, headers={"If-None-Match": tag})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        head = served.client.ask(asked, method="HEAD")
        assert (head.status, head.body, head.headers["etag"]) == (200, b"", tag)
        served.now = event.at + until
        later = served.client.ask(asked, headers={"If-None-Match": tag})
        assert later.status == 200
        assert later.headers["etag"] != tag


def test_what_is_no_page_has_no_etag(served: Living) -> None:
    assert "etag" not in served.client.ask("/robots.txt").headers
    assert "etag" not in served.client.ask("/en/home/nobody-5").headers


def test_the_sitemap_holds_whoever_is_shown(served: Living) -> None:
    served.now = START + timedelta(days=70)
    index = Sitemap(served.client.ask("/sitemap.xml").body)
    parts = [served.client.ask(entry["loc"].removeprefix(SITE)).body for entry in index]
    locations = [entry["loc"] for part in parts for entry in Sitemap(gzip.decompress(part))]
    assert sorted(locations) == sorted(f"{SITE}/en/home/{f.slug}" for f in LIFE.facts(served.now).values() if f.is_shown)
    assert served.client.ask("/sitemaps/properties-2.xml.gz").status == 404


def test_requests_are_logged_with_the_portals_time_and_counted(served: Living) -> None:
    app = served.client.app
    before, counted = len(app[REQUESTS]), app[COUNTS].copy()
    served.now, served.step, served.spent = START + timedelta(days=3), timedelta(seconds=240), []
    for path in (SALE.path("en"), "/robots.txt", "/en/home/nobody-5", "/sitemap.xml", "/"):
        served.client.ask(path)
    served.client.ask(SALE.path("en"), method="HEAD")
    logged = list(app[REQUESTS])[before:]
    assert [one.kind for one in logged] == ["listing", "robots", "detail", "sitemap", "other", "listing"]
    assert [one.status for one in logged] == [200, 200, 404, 200, 200, 200]
    assert [one.at for one in logged] == [START + timedelta(days=3, seconds=240 * turn) for turn in (0, 1, 1, 2, 3, 4)]
    assert served.spent == [0.5] * 5
    day = (START + timedelta(days=3)).date()
    assert app[COUNTS][day, "detail", "GET", 404] - counted[day, "detail", "GET", 404] == 1
    assert app[COUNTS][day, "listing", "HEAD", 200] - counted[day, "listing", "HEAD", 200] == 1
    served.step = timedelta(0)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(property_type=PropertyType.HOUSE),
        Filters(place="jalisco"),
        Filters(price_from=1_000_000, price_to=6_000_000),
        Filters(property_type=PropertyType.HOUSE, price_to=4_000_000),
        Filters(price_to=30_000),
    ],
)
@pytest.mark.parametrize("scope", [SALE, RENT], ids=lambda scope: scope.operation.value)
def test_filters_match_as_they_do_in_a_still_world(served: Living, scope: Scope, filters: Filters) -> None:
    served.now = START + timedelta(days=90)
    order = Order(LIFE)
    order.move(served.now)
    truth = [listing.number for listing in served.listed(scope.operation) if filters.match(listing, scope.operation)]
    assert order.numbers(scope.operation, filters).tolist() == truth


@settings(deadline=None)
@given(st.lists(st.floats(0, DAYS), min_size=1, max_size=8), st.floats(0, DAYS))
def test_wherever_time_went_the_order_is_that_of_the_moment(days: list[float], last: float) -> None:
    """Back in time, too."""
    moved, fresh = Order(LIFE), Order(LIFE)
    for day in [*days, last]:
        moved.move(START + timedelta(days=day))
        moved.numbers(Operation.SALE, Filters(price_to=5_000_000))
    fresh.move(START + timedelta(days=last))
    for operation in SCOPE_OF:
        for filters in (Filters(), Filters(price_to=5_000_000)):
            assert moved.numbers(operation, filters).tolist() == fresh.numbers(operation, filters).tolist()
    assert moved.shown().tolist() == fresh.shown().tolist()


@pytest.mark.parametrize("day", [0, 33, DAYS])
def test_whoever_is_sorted_anew_stands_where_he_was_put(monkeypatch: pytest.MonkeyPatch, day: float) -> None:
    put, sorted_anew = Order(LIFE), Order(LIFE)
    put.move(START + timedelta(days=day))
    monkeypatch.setattr("propspider.lab.order._MANY", 0)
    sorted_anew.move(START + timedelta(days=day))
    for operation in SCOPE_OF:
        assert put.numbers(operation).tolist() == sorted_anew.numbers(operation).tolist()


def test_the_same_seed_serves_the_same_pages() -> None:
    at = START + timedelta(days=5)
    lives = [Life(Parameters(), listings=200, seed=9, start=START, days=10) for _ in range(2)]
    pages = [LivingPages(one, lambda: at, page_size=42, page_cap=10) for one in lives]
    assert pages[0].listing(SALE, "en", 1) == pages[1].listing(SALE, "en", 1) is not None
    slug = lives[0].slug(int(lives[0].rows(at)[-1]))
    assert pages[0].detail(slug, "es") == pages[1].detail(slug, "es")


def test_pages_are_of_42_cards_below_featured_ones_and_end_at_the_cap() -> None:
    found = Life(of({"pages": {**PLAIN, "featured": 3, "paid": 0.1}}), listings=500, seed=2, start=START, days=5)
    with living(found, page_cap=3) as served:
        served.now = START + timedelta(days=2)
        truth = [property_id("pincali", listing.public_id) for listing in served.listed(Operation.SALE)]
        for number in (1, 2, 3):
            answer = response(served.client, portal_of(served).page_url("sale", number))
            page = portal_of(served).listing_page(answer, operation=Operation.SALE)
            ids = [entry.property_id for entry in page.entries]
            own = truth[(number - 1) * 42 : number * 42]
            assert page.cards == 45
            assert [one for one in ids if one in own] == ids[-42:] == own
            assert set(ids) <= set(truth)
        assert served.client.ask(f"{SALE.path('en')}?page=4").status == 404


def test_pages_miss_cards_at_random_and_hard_ones_often() -> None:
    pages = {"missed": 0.02, "hard": 0.1, "hard_missed": 0.5, "featured": 0}
    found = Life(of({"pages": pages}), listings=300, seed=2, start=START, days=5)
    hard = {found.public_id(number) for number in np.flatnonzero(found.people.hard)}
    missed, asked = Counter[bool](), Counter[bool]()
    with living(found, page_size=1000) as served:
        for _ in range(30):
            served.now += timedelta(hours=1)
            body = served.client.ask(SALE.path("en")).text
            for listing in served.listed(Operation.SALE):
                asked[listing.public_id in hard] += 1
                missed[listing.public_id in hard] += f"/{listing.internal_id}/available" not in body
    assert missed[True] / asked[True] == pytest.approx(0.5, abs=0.1)
    assert missed[False] / asked[False] == pytest.approx(0.02, abs=0.006)


def test_an_ignored_filter_changes_nothing() -> None:
    with living(LIFE, page_size=10, ignores=frozenset({"price"})) as served:
        served.now = START + timedelta(days=10)
        path = f"{SALE.path('en')}?currency_id=10&max_price=1"
        answer = response(served.client, served.client.base_url + path)
        page = portal_of(served).listing_page(answer, operation=Operation.SALE)
        assert page.stated_total == len(served.listed(Operation.SALE))


def test_both_layouts_are_served(served: Living) -> None:
    served.now = START
    assert {scope.layout for scope in SCOPES} == set(Layout)
    assert served.client.ask(SALE.path("es")).tree.css_first("li.property__component") is not None
    assert served.client.ask(RENT.path("es")).tree.css_first("div.property__component[data-id]") is not None
