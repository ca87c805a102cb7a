from collections.abc import Callable

import pytest

from .loopback import Crawl, Site


def test_of_five_simultaneous_disallowed_requests_none_is_sent(site: Site, crawl: Crawl) -> None:
    site.robots("User-agent: *\nDisallow: /private/")
    crawled = crawl(site.url(), [site.url(f"/private/{n}") for n in range(5)])
    assert site.requested == ["/robots.txt"]
    assert [error["type"] for error in crawled.errors] == ["RobotsForbidden"] * 5
    assert {error["error_type"] for error in crawled.errors} == {"robots"}


def test_rules_for_our_own_name_hold_and_the_rest_of_the_site_is_fetched(site: Site, crawl: Crawl) -> None:
    site.robots("User-agent: propspider\nDisallow: /private/\n\nUser-agent: *\nDisallow: /")
    crawled = crawl(site.url(), [site.url("/private/1"), site.url("/open")])
    assert site.pages_requested == ["/open"]
    assert [page["status"] for page in crawled.pages] == [200]


@pytest.mark.parametrize("status", [403, 404])
def test_a_missing_robots_txt_allows_everything_whatever_its_error_page_says(site: Site, crawl: Crawl, status: int) -> None:
    site.robots("User-agent: *\nDisallow: /", status=status)
    crawl(site.url(), [site.url("/a")])
    assert site.pages_requested == ["/a"]


@pytest.mark.parametrize(("status", "times"), [(202, 1), (429, 4), (503, 4), (500, 4)])
def test_a_robots_txt_that_cannot_be_had_closes_the_host(
    site: Site, crawl: Crawl, database_url: str, status: int, times: int
) -> None:
    site.robots("User-agent: *\nAllow: /", status=status, headers={"Retry-After": "0"})
    crawled = crawl(site.url(), [site.url("/a"), site.url("/b")], env={"DATABASE_URL": database_url})
    assert site.requested == ["/robots.txt"] * times
    assert [error["type"] for error in crawled.errors] == ["RobotsUnreadable"] * 2
    assert str(status) in crawled.errors[0]["message"]


def test_a_robots_txt_that_is_served_after_a_while_is_obeyed(site: Site, crawl: Crawl, database_url: str) -> None:
    site.robots("User-agent: *\nDisallow: /private/")
    site.before_that["/robots.txt"] = [(503, {"Retry-After": "0"}, ""), (500, {}, "")]
    crawled = crawl(site.url(), [site.url("/private/a"), site.url("/b")], env={"DATABASE_URL": database_url})
    assert site.pages_requested == ["/b"]
    assert [error["type"] for error in crawled.errors] == ["RobotsForbidden"]


def test_a_host_that_wants_to_be_left_alone_before_its_robots_txt_is_throttled_not_unreadable(
    site: Site, crawl: Crawl, database_url: str
) -> None:
    site.robots("", status=429, headers={"Retry-After": "3600"})
    crawled = crawl(site.url(), [site.url("/a"), site.url("/b")], env={"DATABASE_URL": database_url})
    assert site.requested == ["/robots.txt"]
    assert [(error["type"], error["error_type"]) for error in crawled.errors] == [("Throttled", "blocked")] * 2


def test_a_refused_connection_closes_the_host(new_site: Callable[[], Site], crawl: Crawl) -> None:
    # Port 1 of loopback: nothing listens there.
    crawled = crawl("http://127.0.0.1:1", ["http://127.0.0.1:1/a"])
    assert [(error["type"], error["error_type"]) for error in crawled.errors] == [("RobotsUnreadable", "blocked")]


def test_a_redirect_is_followed_for_robots_txt_and_its_target_is_judged_again(site: Site, crawl: Crawl) -> None:
    site.robots("", status=301, headers={"Location": "/rules.txt"})
    site.answers["/rules.txt"] = (200, {}, "User-agent: *\nDisallow: /private/")
    site.redirect("/a", "/private/a")
    crawled = crawl(site.url(), [site.url("/a")])
    assert site.pages_requested == ["/rules.txt", "/a"]
    assert [error["type"] for error in crawled.errors] == ["RobotsForbidden"]


def test_an_installation_may_switch_robots_txt_off_for_one_portal(site: Site, crawl: Crawl) -> None:
    site.robots("User-agent: *\nDisallow: /")
    crawl(site.url(), [site.url("/a")], env={"PROPSPIDER_PORTALS__PINCALI__OBEY_ROBOTS": "0"})
    assert site.requested == ["/a"]
