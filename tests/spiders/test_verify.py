"""The verify spider against the laboratory: what it asks, and what it makes of the answers."""

import asyncio
import signal
import time
from collections.abc import Callable

import pytest
from aiohttp import web
from sqlalchemy import Engine

from propspider.lab.listing import Listing
from tests.builders import column, one, rows, run, scalar

from .crawling import Done, crawl, start
from .served import Handler, answering, html, redirecting, reset
from .suspects import WORLD, Portal, miss, name, page_of, path, portal, seed, url

SUSPECT, SECOND, THIRD = WORLD.listings[:3]
NOT_FOUND = "<html><body>not found</body></html>"
GONE = answering(NOT_FOUND, status=404)
SALE = "/en/properties/properties-for-sale"


def verify(database_url: str, served: Portal, *arguments: str, **extra: str) -> Done:
    """By HEAD and GET, as a portal is asked whose file says nothing else."""
    method = {"PROPSPIDER_PORTALS__PINCALI__VERIFY_METHOD": "head_get"}
    return crawl("verify", *arguments, database_url=database_url, base_url=served.base_url, extra=method | extra)


def well(done: Done) -> None:
    assert done.code == 0, done.err
    assert "Traceback" not in done.err


def status(engine: Engine, listing: Listing = SUSPECT) -> str:
    found: str = scalar(engine, "SELECT listing_status FROM properties_live WHERE property_id = :id", id=name(listing))
    return found


def evidence(engine: Engine, listing: Listing = SUSPECT) -> list[tuple[str, str, float]]:
    found = rows(
        engine,
        "SELECT method, finding, weight FROM removal_evidence e JOIN removal_cases c ON c.id = e.case_id"
        " WHERE method IN ('HEAD', 'GET') AND c.property_id = :id ORDER BY e.id",
        id=name(listing),
    )
    return [(row["method"], row["finding"], float(row["weight"])) for row in found]


def queued(engine: Engine, listing: Listing = SUSPECT) -> dict[str, object]:
    return one(engine, "SELECT * FROM scrape_queue WHERE kind = 'verify' AND property_id = :id", id=name(listing))


def batch(engine: Engine) -> dict[str, object]:
    return one(engine, "SELECT * FROM verification_batches")


def session(engine: Engine) -> dict[str, object]:
    return one(engine, "SELECT * FROM scraping_sessions WHERE spider = 'verify'")


def test_a_listing_that_is_there_is_refreshed_and_its_case_dismissed(engine: Engine, database_url: str) -> None:
    seed(engine)
    miss(engine, SUSPECT)
    run(engine, "UPDATE properties_live SET title = 'Of old' WHERE property_id = :id", id=name(SUSPECT))
    with portal() as served:
        well(verify(database_url, served))
        assert served.asked(SUSPECT) == ["HEAD", "GET"]
        assert [method for method, _ in served.requests] == ["GET"] * 3 + ["HEAD", "GET"] + ["GET"] * 3
        assert sum("no-such-listing" in where for _, where in served.requests) == 2
    assert status(engine) == "active"
    assert evidence(engine) == [("HEAD", "answered", 0), ("GET", "alive", 0)]
    case = one(engine, "SELECT * FROM removal_cases")
    assert (case["status"], case["outcome"], case["decided_by"]) == ("dismissed", "alive", "verification")
    assert scalar(engine, "SELECT title FROM properties_live WHERE property_id = :id", id=name(SUSPECT)) == SUSPECT.title.en
    assert (batch(engine)["verdict"], batch(engine)["reasons"]) == ("valid", [])
    assert queued(engine)["status"] == "completed"
    assert (session(engine)["status"], session(engine)["finish_reason"]) == ("completed", "finished")
    assert scalar(engine, "SELECT removals_detected FROM sync_runs WHERE id = :id", id=session(engine)["sync_run_id"]) == 1


async def only_get(request: web.Request) -> web.StreamResponse:
    """There for a GET, not for a HEAD."""
    return html(page_of(WORLD.by_slug[request.path.rpartition("/")[2]]), status=404 if request.method == "HEAD" else 200)


async def only_head(request: web.Request) -> web.StreamResponse:
    return html(NOT_FOUND, status=200 if request.method == "HEAD" else 404)


async def no_head(request: web.Request) -> web.StreamResponse:
    return html(NOT_FOUND, status=501 if request.method == "HEAD" else 410)


async def to_itself(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": request.path})


def spanish(listing: Listing) -> str:
    return f"/inmueble/{listing.slug}"


ANSWERS: list[tuple[str, Callable[[Listing], Handler], list[str], str]] = [
    # what it is, how it answers, the findings of HEAD and GET, the status that follows
    ("404", lambda _: GONE, ["gone", "gone"], "confirmed_removed"),
    ("410", lambda _: answering(NOT_FOUND, status=410), ["gone", "gone"], "confirmed_removed"),
    (
        "a page that says so",
        lambda _: answering("<html><body>This property is no longer available</body></html>"),
        ["answered", "gone_page"],
        "confirmed_removed",
    ),
    ("HEAD not allowed", lambda _: no_head, ["no_head", "gone"], "confirmed_removed"),
    ("there for a HEAD only", lambda _: only_head, ["answered", "gone"], "confirmed_removed"),
    ("there for a GET only", lambda _: only_get, ["gone", "alive"], "active"),
    ("its page in another language", lambda one: redirecting(spanish(one)), ["redirected", "other_language"], "likely_removed"),
    ("a search", lambda _: redirecting(SALE), ["to_search", "to_search"], "likely_removed"),
    ("the home page", lambda _: redirecting("/en"), ["to_home", "to_home"], "likely_removed"),
    ("a login", lambda _: redirecting("/en/account/authentication/new"), ["to_login", "to_login"], "likely_removed"),
    ("another listing", lambda _: redirecting(path(WORLD.listings[-1])), ["redirected", "other_listing"], "likely_removed"),
    ("an error", lambda _: answering(NOT_FOUND, status=503), ["server_error", "server_error"], "likely_removed"),
    ("nothing", lambda _: reset, ["no_response", "no_response"], "likely_removed"),
    ("a redirect to itself", lambda _: to_itself, ["redirected", "redirect_loop"], "likely_removed"),
    ("a private address", lambda _: redirecting("http://10.0.0.1/admin"), ["off_site", "off_site"], "likely_removed"),
    ("another page", lambda _: answering("<html><body>Welcome</body></html>"), ["answered", "wrong_page"], "likely_removed"),
    ("no body", lambda _: answering(""), ["answered", "unreadable"], "likely_removed"),
]


def test_each_answer_is_told_apart(engine: Engine, database_url: str) -> None:
    seed(engine)
    suspects = WORLD.listings[: len(ANSWERS)]
    miss(engine, *suspects)
    with portal() as served:
        for listing, (_, answer, _, _) in zip(suspects, ANSWERS, strict=True):
            served.answer(listing, answer(listing))
        well(verify(database_url, served))
        asked = [served.asked(one)[:2] for one in suspects]
    assert asked == [["HEAD", "GET"]] * len(suspects)
    assert (batch(engine)["verdict"], batch(engine)["listings"]) == ("valid", len(suspects))
    found = {
        what: [finding for _, finding, _ in evidence(engine, one)] for one, (what, *_) in zip(suspects, ANSWERS, strict=True)
    }
    assert found == {what: findings for what, _, findings, _ in ANSWERS}
    statuses = {what: status(engine, one) for one, (what, *_) in zip(suspects, ANSWERS, strict=True)}
    assert statuses == {what: then for what, _, _, then in ANSWERS}
    for listing, (what, _, _, then) in zip(suspects, ANSWERS, strict=True):
        row = queued(engine, listing)
        assert row["status"] == ("pending" if then == "likely_removed" else "completed"), what
        assert row["attempt_count"] == int(then == "likely_removed" and what != "a search"), what
    assert all(weight == 0 for one in suspects for method, _, weight in evidence(engine, one) if method == "HEAD")
    assert session(engine)["status"] == "completed"
    removed = sum(then == "confirmed_removed" for *_, then in ANSWERS)
    totals = one(engine, "SELECT * FROM sync_runs WHERE id = :id", id=session(engine)["sync_run_id"])
    assert (totals["removals_detected"], totals["removals_confirmed"]) == (len(suspects), removed)
    assert scalar(engine, "SELECT removed_properties FROM sync_metadata ORDER BY created_at DESC LIMIT 1") == removed
    redirects = column(engine, "SELECT redirect_url FROM removal_evidence WHERE finding = 'to_search'")
    assert redirects == [f"https://www.pincali.com{SALE}"] * 2


@pytest.mark.parametrize("refusal", [403, 405, 429, 202])
def test_a_refusal_voids_the_batch_and_ends_the_crawl(engine: Engine, database_url: str, refusal: int) -> None:
    seed(engine)
    miss(engine, SUSPECT, SECOND)
    with portal() as served:
        served.answer(SUSPECT, GONE)
        served.answer(SECOND, answering("<html></html>", status=refusal))
        done = verify(database_url, served, PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS="0.01")
        assert done.code == 1
        asked = served.requests
    assert session(engine)["finish_reason"] == "blocked"
    # A HEAD that is not allowed is no refusal; what refuses a GET is.
    assert asked[-1] == ("GET" if refusal == 405 else "HEAD", path(SECOND))
    assert batch(engine)["verdict"] == "void"
    assert batch(engine)["reasons"] == [f"blocked at {name(SECOND)}"]
    assert {status(engine, SUSPECT), status(engine, SECOND)} == {"likely_removed"}
    assert {weight for _, _, weight in evidence(engine, SUSPECT)} <= {0}
    assert set(column(engine, "SELECT status FROM removal_cases")) == {"open"}
    assert (queued(engine, SUSPECT)["attempt_count"], queued(engine, SECOND)["attempt_count"]) == (0, 1)
    assert set(column(engine, "SELECT error_type FROM scraping_errors")) == {"blocked"}


def everything(answer: Handler) -> Callable[[web.Request], Handler | None]:
    return lambda _: answer


@pytest.mark.parametrize(
    ("wall", "reason"),
    [
        (everything(GONE), "opening: no listing seen today was found alive"),
        (everything(redirecting("/en/account/authentication/new")), "opening: no listing seen today was found alive"),
        (everything(redirecting(SALE)), "opening: no listing seen today was found alive"),
        (
            lambda request: answering(page_of(WORLD.listings[-1])) if "no-such-listing" in request.path else None,
            "opening: other_listing for a listing that never existed",
        ),
    ],
    ids=["404", "login", "search", "alive"],
)
def test_a_portal_that_answers_everything_alike_is_believed_nothing(
    engine: Engine, database_url: str, wall: Callable[[web.Request], Handler | None], reason: str
) -> None:
    seed(engine)
    miss(engine, SUSPECT)
    before = rows(engine, "SELECT * FROM properties_live ORDER BY property_id")
    with portal(wall) as served:
        done = verify(database_url, served)
        assert done.code == 1
        assert served.asked(SUSPECT) == []
    after = rows(engine, "SELECT * FROM properties_live ORDER BY property_id")
    assert [row | {"listing_status": ""} for row in after if row["property_id"] != name(SUSPECT)] == [
        row | {"listing_status": ""} for row in before if row["property_id"] != name(SUSPECT)
    ]
    assert status(engine) == "likely_removed"
    assert batch(engine)["verdict"] == "void"
    assert any(one.startswith(reason) for one in batch(engine)["reasons"])  # type: ignore[attr-defined]
    assert evidence(engine) == []
    assert (session(engine)["status"], session(engine)["finish_reason"]) == ("failed", "controls failed")
    assert one(engine, "SELECT * FROM alerts")["kind"] == "controls_failed"
    assert (queued(engine)["status"], queued(engine)["attempt_count"]) == ("pending", 0)


def test_a_wall_that_goes_up_half_way_through_is_noticed_by_the_closing_controls(engine: Engine, database_url: str) -> None:
    seed(engine)
    miss(engine, SUSPECT, SECOND)
    up: list[bool] = []

    def wall(request: web.Request) -> Handler | None:
        if request.method == "HEAD":
            up.append(True)
        return GONE if up else None

    with portal(wall) as served:
        assert verify(database_url, served).code == 1
    assert evidence(engine) == [("HEAD", "gone", 0), ("GET", "gone", 0)]
    assert {status(engine, SUSPECT), status(engine, SECOND)} == {"likely_removed"}
    assert session(engine)["finish_reason"] == "controls failed"


def test_a_crawl_that_is_killed_half_way_judges_nothing(engine: Engine, database_url: str) -> None:
    seed(engine)
    suspects = WORLD.listings[:6]
    miss(engine, *suspects)
    with portal() as served:
        for listing in suspects:
            served.answer(listing, GONE)
        served.answer(suspects[3], answering_late)
        child = start("verify", database_url=database_url, base_url=served.base_url)
        deadline = time.monotonic() + 45
        while not served.asked(suspects[3]):
            assert time.monotonic() < deadline
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert {status(engine, one) for one in suspects} == {"likely_removed"}
        assert column(engine, "SELECT count(*) FROM verification_batches") == [0]
        assert set(column(engine, "SELECT status FROM scrape_queue WHERE kind = 'verify'")) == {"in_progress"}
        # When its leases have ended, another crawl asks for them all.
        assert verify(database_url, served).code == 1
        run(engine, "UPDATE leases SET beat_at = clock_timestamp() - interval '1 hour'")
        run(engine, "UPDATE scrape_queue SET lease_until = clock_timestamp() - interval '1 second' WHERE status = 'in_progress'")
        served.answers.clear()
        for listing in suspects[:5]:
            served.answer(listing, GONE)
        well(verify(database_url, served))
    assert [status(engine, one) for one in suspects] == ["confirmed_removed"] * 5 + ["active"]


async def answering_late(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return html(NOT_FOUND, status=404)


def test_one_listing_is_asked_for_by_its_id(engine: Engine, database_url: str) -> None:
    seed(engine)
    miss(engine, SUSPECT, SECOND)
    with portal() as served:
        served.answer(SUSPECT, GONE)
        served.answer(SECOND, GONE)
        well(verify(database_url, served, f"property_id={name(SECOND)}"))
        assert verify(database_url, served, f"property_id={name(THIRD)}").code == 1
    assert (status(engine, SUSPECT), status(engine, SECOND)) == ("likely_removed", "confirmed_removed")


def test_without_a_listing_seen_today_nothing_is_asked(engine: Engine, database_url: str) -> None:
    seed(engine)
    miss(engine, SUSPECT)
    run(engine, "UPDATE property_state SET observed_at = observed_at - interval '2 days'")
    run(engine, "UPDATE sweep_pages SET observed_at = observed_at - interval '2 days'")
    with portal() as served:
        assert verify(database_url, served).code == 1
        assert served.requests == []
    assert session(engine)["finish_reason"] == "no controls"
    assert queued(engine)["status"] == "pending"


def test_nothing_to_verify_is_no_failure(engine: Engine, database_url: str) -> None:
    seed(engine)
    with portal() as served:
        well(verify(database_url, served))
        assert served.requests == []
    assert session(engine)["status"] == "completed"


def test_limit_bounds_what_is_asked(engine: Engine, database_url: str) -> None:
    seed(engine)
    miss(engine, *WORLD.listings[:5])
    with portal() as served:
        well(verify(database_url, served, "limit=2"))
        assert sum(method == "HEAD" for method, _ in served.requests) == 2


def test_urls_are_stored_as_the_portal_publishes_them(engine: Engine, database_url: str) -> None:
    seed(engine)
    miss(engine, SUSPECT)
    with portal() as served:
        served.answer(SUSPECT, GONE)
        well(verify(database_url, served))
    assert set(column(engine, "SELECT url FROM removal_evidence WHERE url IS NOT NULL")) == {url(SUSPECT)}
