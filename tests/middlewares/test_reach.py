from collections.abc import Callable

import pytest

from propspider.middlewares.reach import is_own, is_private

from .loopback import Crawl, Site

HOSTS = frozenset({"www.example.com", "127.0.0.1:8080", "[::1]:8080"})


def test_a_foreign_url_is_refused_before_even_its_robots_txt_is_asked_for(
    site: Site, new_site: Callable[[], Site], crawl: Crawl
) -> None:
    other = new_site()
    crawled = crawl(site.url(), [other.url("/a"), "file:///etc/hostname", "data:text/html,x"])
    assert (site.requested, other.requested) == ([], [])
    assert [(error["type"], error["error_type"]) for error in crawled.errors] == [("OffSite", "off_site")] * 3


def test_a_redirect_off_the_hosts_ends_as_an_error_of_the_first_request(
    site: Site, new_site: Callable[[], Site], crawl: Crawl
) -> None:
    other = new_site()
    site.redirect("/a", other.url("/b"))
    crawled = crawl(site.url(), [site.url("/a")])
    assert other.requested == []
    assert [(error["type"], error["url"]) for error in crawled.errors] == [("OffSite", other.url("/b"))]


def test_a_robots_txt_that_leads_off_the_hosts_closes_the_host(site: Site, new_site: Callable[[], Site], crawl: Crawl) -> None:
    other = new_site()
    site.robots("", status=302, headers={"Location": other.url("/robots.txt")})
    crawled = crawl(site.url(), [site.url("/a")])
    assert (site.pages_requested, other.requested) == ([], [])
    assert [error["type"] for error in crawled.errors] == ["RobotsUnreadable"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_private_address_is_refused_after_its_name_was_looked_up(site: Site, crawl: Crawl, host: str) -> None:
    base = f"http://{host}:{site.netloc.split(':')[1]}"
    crawled = crawl(base, [f"{base}/a"], env={"PROPSPIDER_ALLOW_PRIVATE": "0"})
    assert site.requested == []
    assert [(error["type"], error["error_type"]) for error in crawled.errors] == [("PrivateAddress", "off_site")]
    assert crawled.stats["propspider/reach/private_address"] == 1


def test_three_redirects_are_followed_and_a_fourth_is_not(site: Site, crawl: Crawl) -> None:
    for step in range(4):
        site.redirect(f"/{step}", f"/{step + 1}")
    crawled = crawl(site.url(), [site.url("/1"), site.url("/0")])
    assert [page["url"] for page in crawled.pages] == [site.url("/4")]
    assert len(crawled.errors) == 1
    assert site.pages_requested.count("/4") == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://www.example.com/a",
        "http://www.example.com:80/a",
        "https://WWW.example.com:443/a",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080/",
    ],
)
def test_own(url: str) -> None:
    assert is_own(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://www.example.com.evil.example/",
        "https://evil.example/www.example.com",
        "https://www.example.com:8443/",
        "https://www.example.com@evil.example/",
        "https://user@www.example.com/",
        "http://127.0.0.1/",
        "http://127.0.0.1:8081/",
        "ftp://www.example.com/",
        "file:///etc/hostname",
        "http://www.example.com:port/",
        "http:///a",
    ],
)
def test_not_own(url: str) -> None:
    assert not is_own(url, HOSTS)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "224.0.0.1",
    ],
)
def test_private(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111"])
def test_public(address: str) -> None:
    assert not is_private(address)
