"""Sweeps by the real spider against the laboratory, whole and spoilt: what was asked for, and what the verdict says."""

from collections import Counter
from datetime import timedelta

import attrs
import pytest
from aiohttp import web
from sqlalchemy import Engine

from propspider import clock
from propspider.items import Operation
from propspider.lab.life import Life
from propspider.lab.parameters import of
from propspider.lab.scopes import SCOPES
from propspider.lab.server import SHOWN, create_app
from propspider.lab.serving import serve
from propspider.lab.world import World
from tests.builders import column, one, rows, scalar

from .crawling import crawl
from .served import Answer, Lab, answering, html, laboratory, redirecting
from .sweeping import (
    CHALLENGE,
    ONE_AT_A_TIME,
    SALE,
    WORLD,
    for_sale,
    last_sweep,
    listing_pages,
    nobody_is_missing,
    on_page,
    sale,
    spoiling,
)

# --- whole sweeps ---


def test_a_full_sweep_is_complete_and_asks_for_no_page_twice(engine: Engine, database_url: str) -> None:
    with laboratory(WORLD) as lab:
        assert sale(database_url, lab).code == 0
        assert Counter(lab.asked(SALE)) == {SALE: 1, f"{SALE}?page=2": 1, f"{SALE}?page=3": 1}
    sweep = last_sweep(engine)
    assert (sweep["verdict"], sweep["status"], sweep["reasons"]) == ("complete", "finished", [])
    assert set(column(engine, "SELECT property_id FROM manifest_sightings")) == for_sale(WORLD)


@pytest.mark.parametrize("pages", [1, 100])
def test_a_scan_of_some_pages_is_partial_even_if_it_saw_all(engine: Engine, database_url: str, pages: int) -> None:
    with laboratory(WORLD) as lab:
        assert sale(database_url, lab, f"pages={pages}").code == 0
        assert len(lab.asked(SALE)) == min(pages, 3)
    assert last_sweep(engine)["verdict"] == "partial"


def test_only_complete_sweeps_make_anybody_miss(engine: Engine, database_url: str) -> None:
    gone = f"pincali:{WORLD.by_operation[Operation.SALE][0].public_id}"
    with laboratory(WORLD) as lab:
        sale(database_url, lab)
        lab.becomes(WORLD.without([gone.partition(":")[2]]))
        sale(database_url, lab, "pages=2")
        assert nobody_is_missing(engine)
        sale(database_url, lab)
        sale(database_url, lab)
    assert rows(engine, "SELECT property_id, missed FROM sighting_misses WHERE missed > 0") == [
        {"property_id": gone, "missed": 2}
    ]


def test_what_moves_while_it_is_read_is_not_missed(engine: Engine, database_url: str) -> None:
    """One is removed from a page that was read, so that the next ones slide up; one moves from the end to the head."""
    listings = WORLD.by_operation[Operation.SALE]
    bumped = WORLD.without([listings[-1].public_id]).with_(
        attrs.evolve(listings[-1], number=10_000, published_at=WORLD.now - timedelta(hours=1))
    )
    moved = bumped.without([listings[1].public_id])
    holder: list[Lab] = []

    def move(request: web.Request) -> Answer | None:
        if on_page(2)(request):
            holder[0].becomes(moved)
        return None

    with laboratory(WORLD, fault=move) as lab:
        holder.append(lab)
        done = sale(database_url, lab, **ONE_AT_A_TIME)
        assert done.code == 0, done.err
        assert Counter(lab.asked(SALE)) == {SALE: 3, f"{SALE}?page=2": 1, f"{SALE}?page=3": 1}
    assert set(column(engine, "SELECT property_id FROM manifest_sightings")) >= for_sale(moved)
    assert last_sweep(engine)["verdict"] == "complete"


# --- spoilt ones ---


def emptied(total: int) -> Answer:
    async def respond(_: web.Request) -> web.StreamResponse:
        return html(f'<html lang="en-MX"><div data-search-results="" data-total="{total}"></div></html>')

    return respond


SPOILT = {
    "no cards, total 0": (spoiling(listing_pages, emptied(0)), "void", "no cards", 0),
    "no cards, total stands": (spoiling(listing_pages, emptied(32)), None, "1 of 1 listing pages failed", 1),
    "a wall half-way": (spoiling(on_page(2), answering(CHALLENGE, status=202)), "void", "blocked", 1),
    "a login page for everything": (
        spoiling(listing_pages, redirecting("/en/account/authentication/new")),
        None,
        "listing pages failed",
        1,
    ),
    "not found for everything": (spoiling(listing_pages, answering("<html>not found</html>", status=404)), None, "failed", 1),
    "errors for everything": (spoiling(listing_pages, answering("", status=500)), None, "failed", 1),
    "robots.txt forbids it": (
        spoiling(lambda request: request.path == "/robots.txt", answering("User-agent: *\nDisallow: /en/properties/\n")),
        None,
        "1 of 1 listing pages failed",
        1,
    ),
    "robots.txt cannot be had": (
        spoiling(lambda request: request.path == "/robots.txt", answering("", status=500)),
        "void",
        "robots_unreadable",
        1,
    ),
    "a redirect loop": (spoiling(listing_pages, redirecting(SALE)), None, "failed", 1),
    "a redirect to a private address": (
        spoiling(on_page(2), redirecting("http://10.0.0.1/en/properties/properties-for-sale?page=2")),
        "partial",
        "1 of 4 listing pages failed",
        1,
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_sweep_says_so_and_nobody_is_missing(engine: Engine, database_url: str, name: str) -> None:
    fault, verdict, reason, code = SPOILT[name]
    with laboratory(WORLD) as lab:
        assert sale(database_url, lab).code == 0
        assert sale(database_url, lab).code == 0
    with laboratory(WORLD, fault=fault) as lab:
        done = sale(database_url, lab)
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    told = [*done.lines[-1:], *(str(found) for found in last_sweep(engine)["reasons"])]  # type: ignore[attr-defined]
    assert any(reason in line for line in told), told
    if verdict is not None:
        assert last_sweep(engine)["verdict"] == verdict
    assert last_sweep(engine)["verdict"] in {"partial", "void"}
    session = one(engine, "SELECT status, finish_reason FROM scraping_sessions ORDER BY started_at DESC LIMIT 1")
    assert session["status"] == ("failed" if code else "completed")
    assert nobody_is_missing(engine)


def test_a_total_that_shrinks_by_sixty_percent_is_void(engine: Engine, database_url: str) -> None:
    kept = WORLD.by_operation[Operation.SALE][:12]
    gone = [listing.public_id for listing in WORLD.by_operation[Operation.SALE][12:]]
    with laboratory(WORLD) as lab:
        sale(database_url, lab)
        lab.becomes(WORLD.without(gone))
        for _ in range(3):
            assert sale(database_url, lab).code == 0
    assert column(engine, "SELECT verdict FROM sweeps ORDER BY id") == ["complete", "void", "void", "void"]
    assert nobody_is_missing(engine)
    alert = one(engine, "SELECT kind, times, severity FROM alerts")
    assert alert == {"kind": "sweep_void", "times": 3, "severity": "critical"}
    assert len(kept) == 12


def test_a_page_that_repeats_for_ever_ends_the_walk(engine: Engine, database_url: str) -> None:
    world = World.create(60)

    def same_page(request: web.Request) -> Answer | None:
        if request.path != SALE:
            return None

        async def respond(inner: web.Request) -> web.StreamResponse:
            body = (inner.app[SHOWN].pages.listing(SCOPES[0], "en", 1) or b"").replace(b'data-total="32"', b'data-total="900"')
            return html(body.replace(b'current">1<', f'current">{inner.query.get("page", "1")}<'.encode()))

        return respond

    with laboratory(world, fault=same_page) as lab:
        done = sale(database_url, lab, **ONE_AT_A_TIME)
        asked = lab.asked(SALE)
    assert len(asked) <= 3
    assert done.code == 1
    assert last_sweep(engine)["verdict"] == "partial"
    assert "repeats the one before it" in scalar(engine, "SELECT message FROM scraping_errors")


def test_a_next_link_that_leads_back_ends_the_walk(engine: Engine, database_url: str) -> None:
    def back(request: web.Request) -> Answer | None:
        if not on_page(2)(request):
            return None

        async def respond(inner: web.Request) -> web.StreamResponse:
            body = inner.app[SHOWN].pages.listing(SCOPES[0], "en", 2) or b""
            return html(body.replace(b"?page=3", b"?page=1"))

        return respond

    with laboratory(WORLD, fault=back) as lab:
        assert sale(database_url, lab, **ONE_AT_A_TIME).code == 0
        asked = lab.asked(SALE)
    assert Counter(asked) == {SALE: 2, f"{SALE}?page=2": 1}
    sweep = last_sweep(engine)
    assert (sweep["verdict"], sweep["reasons"]) == ("partial", ["24 of 32 stated listings were seen (75.0%)"])


def test_a_page_that_fails_now_and_then_is_read_at_last(engine: Engine, database_url: str) -> None:
    times: Counter[str] = Counter()

    def now_and_then(request: web.Request) -> Answer | None:
        times[request.path_qs] += 1
        if not listing_pages(request) or times[request.path_qs] > 3:
            return None
        return [answering("", status=502), emptied(32), answering("<html>nothing of ours</html>")][times[request.path_qs] - 1]

    with laboratory(WORLD, fault=now_and_then) as lab:
        assert sale(database_url, lab).code == 0
    assert last_sweep(engine)["verdict"] == "complete"
    assert scalar(engine, "SELECT count(*) FROM scraping_errors") == 0


def test_a_crawl_in_which_too_many_pages_fail_is_aborted(engine: Engine, database_url: str) -> None:
    world = World.create(600)  # 27 pages

    def odd(request: web.Request) -> bool:
        return listing_pages(request) and int(request.query.get("page", "1")) % 2 == 0

    with laboratory(world, fault=spoiling(odd, answering("", status=500))) as lab:
        done = sale(database_url, lab, **ONE_AT_A_TIME)
        assert len(set(lab.asked(SALE))) < 15
    assert done.code == 1
    assert "listing pages failed" in done.err
    session = one(engine, "SELECT status, finish_reason FROM scraping_sessions")
    assert session == {"status": "failed", "finish_reason": "4 listing pages failed"}
    assert scalar(engine, "SELECT status FROM sync_runs") == "failed"
    assert last_sweep(engine)["verdict"] == "partial"


# --- parts ---


def test_a_scope_behind_a_cap_is_swept_in_parts(engine: Engine, database_url: str) -> None:
    world = World.create(18_600, without_price=0.05, in_dollars=0.05)
    wanted = for_sale(world)
    uncapped = -(-len(wanted) // 24)
    assert len(wanted) > 4 * 100 * 24
    with laboratory(world, page_size=24, page_cap=100) as lab:
        done = sale(database_url, lab)
        assert done.code == 0, done.err
        asked = [path for path in lab.paths if path != "/robots.txt"]
    assert len(asked) <= 1.3 * uncapped, (len(asked), uncapped)
    sweep = last_sweep(engine)
    assert (sweep["verdict"], sweep["residual"], sweep["covers_all"]) == ("complete", 0, True), sweep
    assert set(column(engine, "SELECT property_id FROM manifest_sightings")) == wanted
    assert max(column(engine, "SELECT count(DISTINCT page) FROM sweep_pages GROUP BY part")) <= 100
    parts = column(engine, "SELECT name FROM sweep_parts WHERE NOT is_split")
    assert {"lot", "house/jalisco"} <= set(parts)


def test_a_filter_that_the_portal_ignores_is_noticed_and_another_one_taken(engine: Engine, database_url: str) -> None:
    world = World.create(1200)
    capped = {"PROPSPIDER_PORTALS__PINCALI__PAGE_CAP": "10"}
    with laboratory(world, page_size=24, page_cap=10, ignores=frozenset({"type"})) as lab:
        done = sale(database_url, lab, **capped)
        assert done.code == 0, done.err
    assert column(engine, "SELECT error_type FROM scraping_errors") == ["filter_ignored"]
    sweep = last_sweep(engine)
    assert sweep["verdict"] == "complete", sweep
    assert set(column(engine, "SELECT property_id FROM manifest_sightings")) == for_sale(world)
    assert scalar(engine, "SELECT kind FROM alerts") == "filter_ignored"


def test_a_portal_that_ignores_every_filter_is_partial_and_nobody_is_missing(engine: Engine, database_url: str) -> None:
    world = World.create(1200)
    capped = {"PROPSPIDER_PORTALS__PINCALI__PAGE_CAP": "10"}
    with laboratory(world, page_size=24, page_cap=10, ignores=frozenset({"type", "place", "price"})) as lab:
        for _ in range(2):
            done = sale(database_url, lab, **capped)
            assert done.code == 0, done.err
        assert len(lab.asked("/en/properties/")) < 40
    assert set(column(engine, "SELECT verdict FROM sweeps")) == {"partial"}
    assert "the portal shows no more pages of the scope" in str(last_sweep(engine)["reasons"])
    assert nobody_is_missing(engine)


def test_paid_cards_on_each_page_do_not_end_a_walk_before_its_end(engine: Engine, database_url: str) -> None:
    """The first page holds more cards than it shows of its own, so the total over its cards are too few pages."""
    start = clock.now()
    pages = of({"pages": {"featured": 3, "paid": 0.05, "missed": 0.0, "hard": 0.0}})
    app = create_app(Life(pages, listings=300, seed=3, start=start, days=1), page_size=12, page_cap=None, now=lambda: start)
    with serve(app) as base_url:
        crawl("manifest", "scope=sale", database_url=database_url, base_url=base_url)
    sweep = one(engine, "SELECT * FROM sweeps")
    assert (sweep["verdict"], sweep["reasons"]) == ("complete", [])
    assert sweep["distinct_listings"] == sweep["last_stated_total"]
