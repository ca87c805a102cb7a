import json
from pathlib import Path

import pytest
from aiohttp import web

from propspider.cookies import CookiesFileError, load
from propspider.lab.world import World

from .conftest import Scrapy
from .pages import Start, lab, path_of, url_of

HOSTS = frozenset({"www.example.com", "example.com"})
LATER, EARLIER = 4_000_000_000, 1_000_000_000


def _line(name: str, value: str, *, domain: str = ".example.com", path: str = "/", expires: float = LATER) -> str:
    return "\t".join([domain, str(domain.startswith(".")).upper(), path, "FALSE", str(expires), name, value])


def _write(folder: Path, *lines: str) -> Path:
    file = folder / "cookies.txt"
    file.write_text("# Netscape HTTP Cookie File\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_cookies_txt_is_read(tmp_path: Path) -> None:
    file = _write(
        tmp_path,
        _line("session", "abc"),
        "#HttpOnly_www.example.com\tFALSE\t/account\tTRUE\t0\ttoken\tsecret",
        _line("old", "x", expires=EARLIER),
        _line("other", "x", domain=".example.org"),
    )
    read = load(file, HOSTS)
    session, token = read.cookies
    assert (session.name, session.value, session.domain, session.host_only) == ("session", "abc", "example.com", False)
    assert (token.domain, token.host_only, token.path, token.secure) == ("www.example.com", True, "/account", True)
    assert (token.http_only, token.expires) == (True, None)
    assert (read.expired, read.other_sites) == (1, 1)


@pytest.mark.parametrize("wrap", [lambda entries: entries, lambda entries: {"cookies": entries, "origins": []}])
def test_a_browsers_json_is_read(tmp_path: Path, wrap: object) -> None:
    file = tmp_path / "cookies.json"
    entries = [
        {"domain": "www.example.com", "hostOnly": True, "name": "a", "value": "1", "path": "/", "session": True},
        {"domain": ".example.com", "hostOnly": False, "name": "b", "value": "", "expirationDate": LATER + 0.5, "secure": True},
        {"domain": "example.com", "name": "c", "value": "3", "expires": -1, "sameSite": "Lax"},
        {"domain": "example.com", "name": "d", "value": "4", "expires": EARLIER * 1000},
    ]
    file.write_text(json.dumps(wrap(entries)), encoding="utf-8")  # type: ignore[operator]
    read = load(file, HOSTS)
    assert [(c.name, c.host_only, c.secure, c.expires) for c in read.cookies] == [
        ("a", True, False, None),
        ("b", False, True, LATER + 0.5),
        ("c", True, False, None),
    ]
    assert read.expired == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has no cookies"),
        (b"\xff\xfe\x00s", "not a text file in UTF-8"),
        (b"<html>s3cret</html>", "line 1 has not seven tab-separated fields"),
        (b"[{s3cret", "begins like JSON and is none"),
        (b'{"cookies": "s3cret"}', "its JSON is not a list of cookies"),
        (b'["s3cret"]', "entry 1 is not an object"),
        (b'[{"name": "s3cret", "value": "s3cret"}]', "entry 1 has no domain"),
        (b'[{"name": "a", "value": "s3cret\\nx", "domain": "example.com"}]', "entry 1 has a value with characters"),
        (b'[{"name": "a", "value": "s3cret", "domain": "example.com", "expires": ["s3cret"]}]', "entry 1 has an expiry"),
        (b'[{"name": "a", "value": "s3cret", "domain": "example.com", "expires": Infinity}]', "entry 1 has an expiry"),
        (_line("a", "s3cret", expires=EARLIER).encode(), "all 1 cookies for example.com or www.example.com have expired"),
        (_line("a", "s3cret", domain="badexample.com").encode(), "none of its 1 cookies is for example.com or www.example.com"),
        (_line("a", "s3cret", domain="m.example.com").encode(), "none of its 1 cookies is for"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "cookies"
    file.write_bytes(content)
    with pytest.raises(CookiesFileError) as refused:
        load(file, HOSTS)
    assert str(refused.value).startswith(f"cookies file {file}: ")
    assert reason in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_value_is_in_a_repr(tmp_path: Path) -> None:
    read = load(_write(tmp_path, _line("session", "s3cret")), HOSTS)
    assert "s3cret" not in f"{read!r} {read.cookies!r}"


@pytest.mark.parametrize("missing", [True, False])
def test_a_bad_file_stops_the_crawl_before_anything_is_asked(tmp_path: Path, start: Start, scrapy: Scrapy, missing: bool) -> None:
    site = lab(World.create(1))
    file = tmp_path / "none" if missing else _write(tmp_path, _line("a", "s3cret"))
    environment = {
        "PROPSPIDER_PORTALS__PINCALI__COOKIES_FILE": str(file),
        "DATABASE_URL": "postgresql://127.0.0.1:1/nowhere",
    }
    crawled = scrapy("manifest", base_url=start(site), rendering="http", **environment)
    assert crawled.returncode != 0
    assert f"cookies file {file}: " in crawled.stderr.strip().splitlines()[-1]
    assert "s3cret" not in crawled.stderr
    assert site.asked == []


@pytest.mark.parametrize("rendering", ["http", "browser"])
def test_cookies_go_to_the_pages_that_they_are_for(
    tmp_path: Path, start: Start, scrapy: Scrapy, request: pytest.FixtureRequest, rendering: str
) -> None:
    if rendering == "browser":
        request.getfixturevalue("chromium")
    world = World.create(1)
    site, listing = lab(world), world.listings[0]

    async def moved(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(path_of(listing), headers={"Set-Cookie": "renewed=yes; Path=/"})

    site.answers["/en/elsewhere/first"] = moved
    base_url = start(site)
    file = _write(
        tmp_path,
        _line("session", "s3cret", domain="127.0.0.1"),
        _line("deep", "s3cret", domain="127.0.0.1", path="/en/elsewhere"),
        _line("old", "s3cret", domain="127.0.0.1", expires=EARLIER),
        _line("foreign", "s3cret", domain=".example.com"),
        "127.0.0.1\tFALSE\t/\tTRUE\t0\tsecure\ts3cret",
    )
    environment = {"PROPSPIDER_PORTALS__PINCALI__COOKIES_FILE": str(file), "PROPSPIDER_LOG_LEVEL": "DEBUG"}
    url = url_of(listing).replace(path_of(listing), "/en/elsewhere/first")
    shown = scrapy("detail", "-a", f"url={url}", base_url=base_url, rendering=rendering, **environment)
    assert shown.returncode == 0, shown.stderr
    [first], [second] = site.cookies_at("/en/elsewhere/first"), site.cookies_at(path_of(listing))
    # Chromium takes loopback for a safe place and sends it secure cookies without TLS.
    secure = {"secure=s3cret"} if rendering == "browser" else set()
    assert set(first.split("; ")) == {"session=s3cret", "deep=s3cret", *secure}
    assert set(second.split("; ")) == {"session=s3cret", "renewed=yes", *secure}
    assert "cookies partly expired" in shown.stderr
    assert "s3cret" not in shown.stdout + shown.stderr


def test_a_login_page_in_spite_of_cookies_is_judged_as_one(tmp_path: Path, start: Start, scrapy: Scrapy) -> None:
    world = World.create(1)
    site, listing = lab(world), world.listings[0]

    async def to_login(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/en/account/authentication/new")

    site.answers[path_of(listing)] = to_login
    base_url = start(site)
    environment = {
        "PROPSPIDER_PORTALS__PINCALI__COOKIES_FILE": str(_write(tmp_path, _line("session", "old", domain="127.0.0.1"))),
        "PROPSPIDER_PORTALS__PINCALI__OBEY_ROBOTS": "false",
    }
    shown = scrapy("detail", "-a", f"url={url_of(listing)}", base_url=base_url, rendering="http", **environment)
    assert shown.returncode == 1
    assert "crawl failed: login" in shown.stderr
