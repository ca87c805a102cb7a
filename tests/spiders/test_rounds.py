"""A batch of the verify spider, fed by hand: which answer leads to which request, and when it is handed over."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from scrapy import Request
from scrapy.exceptions import CloseSpider
from scrapy.http import HtmlResponse

from propspider.evidence import Finding, Look, VerificationBatch
from propspider.items import Claim, PropertyItem
from propspider.middlewares.fetched import META_KEY
from propspider.spiders.rounds import Asked, Round
from propspider.spiders.verify import VerifySpider
from propspider.sync.candidates import KnownAlive
from propspider.sync.queue import QueuedProperty

from .suspects import WORLD, name, page_of, url

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALIVE = [KnownAlive(name(one), url(one)) for one in WORLD.listings[-4:]]
ROWS = [
    QueuedProperty(Claim(number, 1, name(one)), url(one), "verification", 3, NOW) for number, one in enumerate(WORLD.listings[:3])
]
NOWHERE = "https://www.pincali.com/en/home/no-such-listing-1"


@pytest.fixture
def spider(monkeypatch: pytest.MonkeyPatch) -> VerifySpider:
    monkeypatch.setenv("PROPSPIDER_PORTALS__PINCALI__VERIFY_METHOD", "head_get")
    return VerifySpider()


def a_round(rows: list[QueuedProperty] = ROWS, alive: list[KnownAlive] = ALIVE) -> Round:
    return Round(rows, alive, lambda: NOWHERE)


def answer(asked: Asked, finding: Finding | None = None) -> None:
    expected = Finding.ALIVE if asked.property_id is not None and asked.claim is None else Finding.GONE
    asked.looks.append(Look("GET", finding or expected, asked.url, NOW))


def response(request: Request, body: bytes = b"", status: int = 200) -> HtmlResponse:
    meta_request = request.replace(meta={**request.meta, META_KEY: NOW})
    return HtmlResponse(request.url, body=body, status=status, request=meta_request)


def run_through(current: Round, window: int, **findings: Finding) -> list[str]:
    """Answers all that is asked, oldest first; the URLs in the order in which they were asked."""
    under_way, urls = current.begin(window), []
    while under_way:
        asked = under_way.pop(0)
        urls.append(asked.url)
        answer(asked, findings.get(asked.url.rpartition("/")[2].replace("-", "_")))
        following = current.settle(asked)
        if following is None:
            break
        under_way += following
        assert len(under_way) <= window
    return urls


@pytest.mark.parametrize("window", [1, 2, 16])
def test_controls_stand_around_the_candidates(window: int) -> None:
    current = a_round()
    asked = run_through(current, window)
    assert asked == [
        *[one.source_url for one in ALIVE[:2]],
        NOWHERE,
        *[row.source_url for row in ROWS],
        *[one.source_url for one in ALIVE[2:]],
        NOWHERE,
    ]
    batch = current.batch("pincali")
    assert batch.faults == ()
    assert [item.finding for item in batch.items] == [Finding.GONE] * 3


def test_one_listing_that_is_known_to_be_there_is_asked_at_both_ends() -> None:
    current = a_round(alive=ALIVE[:1])
    asked = run_through(current, 1)
    assert asked.count(ALIVE[0].source_url) == 2
    assert current.batch("pincali").faults == ()


def test_a_portal_that_fails_the_opening_controls_is_asked_nothing_more() -> None:
    current = a_round()
    asked = run_through(current, 4, no_such_listing_1=Finding.OTHER_LISTING)
    assert len(asked) == 3
    assert len(current.batch("pincali").faults) == 1
    assert list(current.pages()) == []


def test_an_answer_counts_once() -> None:
    current = a_round()
    (first,) = current.begin(1)
    answer(first)
    assert len(current.settle(first) or ()) == 1
    assert current.settle(first) == []


def test_what_our_parser_cannot_read_says_nothing_and_the_batch_goes_on(spider: VerifySpider) -> None:
    current = a_round(ROWS[:1])
    for control in current.begin(3):
        answer(control)
        following = current.settle(control)
    assert following is not None
    (asked,) = following
    request = spider._request(current, asked)
    assert request.method == "HEAD"
    (request,) = spider.head(response(request), current, asked)
    assert isinstance(request, Request)
    assert request.method == "GET"
    owed = list(spider.after_exception(response(request, b"<html>")))
    assert [one.url for one in owed] == [ALIVE[2].source_url, ALIVE[3].source_url, NOWHERE]
    assert [look.finding for look in asked.looks] == [Finding.ANSWERED, Finding.UNREADABLE]


def test_the_batch_is_handed_over_before_the_pages_it_found(spider: VerifySpider) -> None:
    current = a_round(ROWS[:1])
    requests = [spider._request(current, asked) for asked in current.begin(1)]
    given: list[Any] = []
    bodies = {url(one): page_of(one) for one in WORLD.listings}
    while requests:
        request = requests.pop(0)
        body = bodies.get(request.url)
        reply = response(request, body or b"not found", 200 if body else 404)
        callback = spider.head if request.method == "HEAD" else spider.get
        for out in callback(reply, **request.cb_kwargs):
            (requests if isinstance(out, Request) else given).append(out)
    assert isinstance(given[0], VerificationBatch)
    assert given[0].faults == ()
    assert {one.property_id for one in given[1:]} == {name(WORLD.listings[0]), *(one.property_id for one in ALIVE)}
    assert all(isinstance(one, PropertyItem) and one.claim is None and one.observed_at == NOW for one in given[1:])
    assert current.over.is_set()


def test_a_refusal_ends_the_crawl_and_what_was_under_way_is_passed_over(spider: VerifySpider) -> None:
    current = a_round(ROWS[:2])
    for control in current.begin(16):
        answer(control)
        following = current.settle(control)
    assert following is not None
    first, second = following
    given: list[Any] = []
    outputs = spider.head(response(spider._request(current, first), status=429), current, first)
    with pytest.raises(CloseSpider):
        given.extend(outputs)
    assert [type(one).__name__ for one in given] == ["VerificationBatch", "CrawlError"]
    assert given[0].faults == (f"blocked at {name(WORLD.listings[0])}",)
    assert list(spider.head(response(spider._request(current, second), status=404), current, second)) == []
    assert current.is_void


@pytest.mark.parametrize("changed", [{"removal": {"method": "get"}}, {"rendering": "browser"}])
def test_where_a_head_is_worth_nothing_there_is_none(spider: VerifySpider, changed: dict[str, Any]) -> None:
    facts = spider.portal.facts
    if "removal" in changed:
        changed = {"removal": facts.removal.model_copy(update=changed["removal"])}
    spider.portal = replace(spider.portal, facts=facts.model_copy(update=changed))
    current = a_round(ROWS[:1])
    asked = current.begin(1)[0]
    assert spider._request(current, Asked(asked.url, asked.property_id, ROWS[0].claim)).method == "GET"


def test_only_one_verification_of_a_portal_runs_at_once(spider: VerifySpider) -> None:
    assert spider.lease_names == ["verify:pincali"]
