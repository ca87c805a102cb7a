from itertools import pairwise

import pytest
from pydantic import ValidationError

from propspider import config

from .loopback import Crawl, Site

OURS = "propspider/0.1 (property-listings sync)"


def _agents(site: Site) -> list[str]:
    return [agent for path, agent in zip(site.requested, site.agents, strict=True) if path != "/robots.txt"]


def test_every_request_says_who_we_are(site: Site, crawl: Crawl) -> None:
    crawl(site.url(), [site.url("/a"), site.url("/b")])
    assert set(site.agents) == {OURS}


def test_names_are_taken_in_turn_and_robots_txt_is_asked_for_and_obeyed_under_our_own(site: Site, crawl: Crawl) -> None:
    site.robots("User-agent: propspider\nDisallow: /private/\n\nUser-agent: *\nDisallow: /")
    urls = [site.url(f"/{n}") for n in range(4)]
    settings = {"CONCURRENT_REQUESTS": 1}
    names = {"PROPSPIDER_USER_AGENTS": "first/1.0 (a; b)|second/2.0"}
    crawled = crawl(site.url(), [*urls, site.url("/private/a")], env=names, settings=settings)
    assert site.agents[0] == OURS
    assert sorted(_agents(site)) == ["first/1.0 (a; b)"] * 2 + ["second/2.0"] * 2
    assert all(one != next_one for one, next_one in pairwise(_agents(site)))
    assert [error["type"] for error in crawled.errors] == ["RobotsForbidden"]


def test_a_request_that_is_tried_again_keeps_its_name(site: Site, crawl: Crawl) -> None:
    site.answers["/a"] = (500, {}, "")
    crawl(site.url(), [site.url("/a")], env={"PROPSPIDER_USER_AGENTS": "first/1.0\nsecond/2.0\n"})
    assert _agents(site) == ["first/1.0"] * 4


@pytest.mark.parametrize("value", ["|", "a||b", "a\n\nb", "a|b\x07", "a\rb", "a|señor"])
def test_an_empty_or_unprintable_name_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROPSPIDER_USER_AGENTS", value)
    with pytest.raises(ValidationError) as caught:
        config.load()
    told = config.complaints(caught.value)
    assert told.startswith("PROPSPIDER_USER_AGENTS")
    assert "a user agent is printable ASCII and not empty" in told
    assert "\n" not in told


def test_our_own_name_cannot_carry_another_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROPSPIDER_USER_AGENT", "us\r\nX-Other: 1")
    with pytest.raises(ValidationError):
        config.load()
