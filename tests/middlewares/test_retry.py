"""What is tried again, how often, and after how long."""

from itertools import pairwise

import pytest

from tests.builders import one
from tests.commands.rows import engine_on

from .loopback import RESET, SILENCE, Answer, Crawl, Site

BROKEN: Answer = (500, {}, "")


@pytest.mark.parametrize("trouble", [BROKEN, (504, {}, ""), (408, {}, ""), RESET])
def test_what_fails_for_a_moment_is_fetched_at_last(site: Site, crawl: Crawl, trouble: Answer) -> None:
    site.before_that["/a"] = [trouble] * 3
    crawled = crawl(site.url(), [site.url("/a")])
    assert [page["status"] for page in crawled.pages] == [200]
    assert site.pages_requested == ["/a"] * 4


def test_a_page_that_goes_on_failing_is_asked_for_four_times(site: Site, crawl: Crawl) -> None:
    site.answers |= {"/a": BROKEN, "/b": RESET}
    crawled = crawl(site.url(), [site.url("/a"), site.url("/b")])
    assert (site.requested.count("/a"), site.requested.count("/b")) == (4, 4)
    assert [page["status"] for page in crawled.pages] == [500]
    assert len(crawled.errors) == 1


def test_a_request_that_is_never_answered_is_given_up_and_tried_again(site: Site, crawl: Crawl) -> None:
    site.before_that["/a"] = [SILENCE]
    crawled = crawl(site.url(), [site.url("/a")], settings={"DOWNLOAD_TIMEOUT": 0.3})
    assert [page["status"] for page in crawled.pages] == [200]
    assert site.pages_requested == ["/a", "/a"]


def test_each_retry_waits_twice_as_long_and_nothing_else_waits_for_it(site: Site, crawl: Crawl) -> None:
    site.answers["/a"] = BROKEN
    crawl(
        site.url(),
        [site.url("/a"), site.url("/b")],
        settings={"RETRY_BACKOFF_SECONDS": 0.3},
        env={"DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"},
    )
    first, second, third, fourth = site.times_of("/a")
    assert second - first >= 0.3
    assert third - second >= 0.6
    assert fourth - third >= 1.2
    assert site.times_of("/b")[0] < second


def test_a_status_that_says_something_is_not_tried_again(site: Site, crawl: Crawl) -> None:
    site.answers |= {"/a": (404, {}, ""), "/b": (403, {}, ""), "/c": (202, {}, "")}
    crawl(site.url(), [site.url(path) for path in ("/a", "/b", "/c")])
    assert sorted(site.pages_requested) == ["/a", "/b", "/c"]


@pytest.mark.parametrize("status", [429, 503])
def test_too_busy_is_tried_again_after_the_hold_and_then_reaches_the_spider(
    site: Site, crawl: Crawl, database_url: str, status: int
) -> None:
    site.answers["/a"] = (status, {"Retry-After": "0.4"}, "")
    crawled = crawl(site.url(), [site.url("/a")], env={"DATABASE_URL": database_url})
    assert [page["status"] for page in crawled.pages] == [status]
    times = site.times_of("/a")
    assert len(times) == 4
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.4


def test_a_good_answer_ends_the_strikes(site: Site, crawl: Crawl, database_url: str) -> None:
    site.before_that["/a"] = [(503, {"Retry-After": "0"}, "")] * 2
    crawl(site.url(), [site.url("/a")], env={"DATABASE_URL": database_url})
    with engine_on(database_url) as engine:
        row = one(engine, "SELECT * FROM host_pacing")
    assert (row["host"], row["strikes"]) == (site.netloc, 0)
    assert row["hold_until"] is not None


def test_a_connection_that_was_kept_and_breaks_brings_no_request_beside_those_counted(site: Site, crawl: Crawl) -> None:
    site.answers["/b"] = RESET
    crawl(site.url(), [site.url("/a"), site.url("/b")], settings={"CONCURRENT_REQUESTS": 1, "RETRY_TIMES": 0})
    assert site.pages_requested == ["/a", "/b"]
