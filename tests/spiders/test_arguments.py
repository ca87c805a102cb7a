"""What a crawl refuses before it starts: one line that names the fault, and an exit code that a script can act on."""

import socket

import pytest

from propspider.config import Config
from propspider.db import migrate
from propspider.spiders.base import PortalSpider, SpiderArgumentError
from propspider.spiders.detail import DetailSpider
from propspider.spiders.manifest import ManifestSpider

from .crawling import Done, crawl

MIRROR = "http://127.0.0.1:9"


def refused(spider: type[PortalSpider], config: Config | None = None, **arguments: str) -> str:
    with pytest.raises(SpiderArgumentError) as caught:
        spider.resolve(arguments, config or Config(allow_private=True))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_each_argument_at_fault_is_named() -> None:
    assert "-a pages: Input should be greater than or equal to 0" in refused(ManifestSpider, pages="-1")
    assert "-a pages: " in refused(ManifestSpider, pages="ten")
    message = refused(ManifestSpider, page="3", colour="red")
    assert "-a page: Extra inputs" in message
    assert "-a colour: Extra inputs" in message
    assert message.endswith("(arguments: portal, base_url, run, fence, slower, pages, scope, source)")


def test_an_unknown_scope_or_portal_names_those_there_are() -> None:
    assert refused(ManifestSpider, scope="sale,boats") == (
        "-a scope: pincali has no boats; it has sale, rent, foreclosure, new_construction"
    )
    assert refused(ManifestSpider, portal="nowhere") == "no portal 'nowhere'; there are: pincali"


@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1", "pincali.com", "http://", "file:///etc/passwd"])
def test_a_base_url_is_http(base_url: str) -> None:
    assert "base_url must be http(s)://host[:port]" in refused(ManifestSpider, base_url=base_url)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "10.0.0.1", "[::1]", "192.168.1.1"])
def test_a_private_base_url_needs_permission(host: str) -> None:
    assert "PROPSPIDER_ALLOW_PRIVATE=1" in refused(ManifestSpider, Config(), base_url=f"http://{host}")
    assert ManifestSpider.resolve({"base_url": f"http://{host}"}, Config(allow_private=True))[1].is_mirrored


def test_detail_takes_one_target_and_a_page_of_the_portal() -> None:
    url = "https://www.pincali.com/en/home/x"
    assert "exclude each other" in refused(DetailSpider, url=url, property_id="pincali:EB-AA0001")
    assert "-a limit: " in refused(DetailSpider, limit="-5")
    for foreign in ("https://www.example.com/x", "http://127.0.0.1/x", "https://www.pincali.com.example.com/x", "no url"):
        assert refused(DetailSpider, url=foreign).startswith("-a url: not a page of pincali")


def test_arguments_that_fit() -> None:
    args, portal, delay = ManifestSpider.resolve({"pages": "3", "scope": " sale , rent", "_job": "7"}, Config())
    assert (args.pages, args.scope) == (3, ["sale", "rent"])
    assert (portal.name, delay) == ("pincali", portal.facts.delay_seconds)


def settings_of_an_installation(**override: object) -> Config:
    return Config.model_validate({"portals": {"pincali": override}, "allow_private": True})


def test_an_installation_may_change_pace_cap_and_address() -> None:
    config = settings_of_an_installation(base_url=MIRROR, delay_seconds=0, page_cap=7)
    _, portal, delay = ManifestSpider.resolve({}, config)
    assert (portal.base_url, portal.facts.page_cap, delay) == (MIRROR, 7, 0)
    _, portal, _ = ManifestSpider.resolve({"base_url": "http://127.0.0.1:10"}, config)
    assert portal.base_url == "http://127.0.0.1:10"


# --- as a user sees it ---


def one_line(done: Done, code: int, *parts: str) -> None:
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    told = [line for line in done.lines if any(part in line for part in parts)]
    assert len(told) == 1, done.err
    assert all(part in told[0] for part in parts)


def test_bad_arguments_end_with_code_2(database_url: str) -> None:
    done = crawl("manifest", "pages=-1", "scope=boats", "colour=red", database_url=database_url, base_url=MIRROR)
    one_line(done, 2, "-a pages", "-a colour")


def test_a_private_mirror_without_permission_ends_with_code_2(database_url: str) -> None:
    done = crawl("manifest", database_url=database_url, base_url=MIRROR, extra={"PROPSPIDER_ALLOW_PRIVATE": "0"})
    one_line(done, 2, "127.0.0.1 is a private address", "PROPSPIDER_ALLOW_PRIVATE=1")


def test_an_unknown_spider_ends_with_code_2(database_url: str) -> None:
    one_line(crawl("manifst", database_url=database_url, base_url=MIRROR), 2, "no spider 'manifst'", "detail, manifest")


def test_a_dead_database_is_one_line_without_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"postgresql://someone:s3cret@127.0.0.1:{port}/nowhere"
    done = crawl("manifest", database_url=url, base_url=MIRROR)
    one_line(done, 1, "database cannot be reached", str(port))
    assert "s3cret" not in done.err + done.out


def test_a_database_without_our_tables_is_not_migrated_unasked(empty_database_url: str) -> None:
    done = crawl("manifest", database_url=empty_database_url, base_url=MIRROR)
    one_line(done, 1, "database has no propspider tables", "run `propspider db upgrade`")
    assert migrate.current(empty_database_url) is None
