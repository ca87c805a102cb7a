"""Pages that go wrong: each ends as a typed error row or a counted warning, and the rest of the batch is stored."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.builders import column, one, rows, scalar
from tests.portals.pincali.markup import card, detail_page, listing_page, next_button, price

from .crawling import Done, crawl
from .served import Answer, Site, answering, bomb, cut_short, redirecting, reset, site

SALE = "/en/properties/properties-for-sale"
NAMES = (
    "good",
    "truncated",
    "empty",
    "huge",
    "bomb",
    "encoding",
    "binary",
    "nul",
    "markup",
    "stranger",
    "login",
    "off-site",
    "to-loopback",
    "reset",
    "cut",
    "error",
    "other",
    "nameless",
    "half",
    "spanish",
    "in-spanish",
)
KEYS = {name: f"EB-HH{number:04}" for number, name in enumerate(NAMES, start=1001)}
NUMBERS = {name: 8_001_000 + number for number, name in enumerate(NAMES, start=1)}
IDS = {name: f"pincali:{key}" for name, key in KEYS.items()}
LISTED = [card(key=KEYS[name], data_id=KEYS[name], number=NUMBERS[name], href=f"/en/home/{name}") for name in NAMES]


def detail(name: str, **facts: object) -> str:
    return detail_page(key=KEYS[name], number=NUMBERS[name], slug=name, **facts)  # type: ignore[arg-type]


def in_time(done: Done) -> Done:
    assert "Traceback" not in done.err
    return done


def scan(portal: Site, database_url: str, *arguments: str) -> Done:
    return in_time(crawl("manifest", "scope=sale", *arguments, database_url=database_url, base_url=portal.base_url))


def scrape(portal: Site, database_url: str) -> Done:
    return in_time(crawl("detail", database_url=database_url, base_url=portal.base_url))


def error_types(engine: Engine) -> dict[str, str]:
    return {row["property_id"]: row["error_type"] for row in rows(engine, "SELECT * FROM scraping_errors")}


def login_page() -> bytes:
    """The captured one where it is at hand."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "real" / "pincali"
    for found in folder.glob("login_page*.html"):
        return found.read_bytes()
    return b"<html><body><a href='/account/authentication/new'>log in</a></body></html>"


def test_one_bad_page_costs_its_own_listing_only(engine: Engine, database_url: str) -> None:
    elsewhere_asked: list[str] = []
    with site({}) as elsewhere:
        padding = f"<!--{'x' * 1200}-->"
        hostile_title = "<span data-translation>&lt;script&gt;alert(1)&lt;/script&gt; [/] [bold]x\u202e</span>"
        answers: dict[str, Answer] = {
            SALE: answering(listing_page(*LISTED, total=str(len(NAMES)))),
            "/en/home/good": answering(detail("good")),
            "/en/home/truncated": answering(detail("truncated")[:200]),
            "/en/home/empty": answering(b" \n"),
            "/en/home/huge": answering(detail("huge", body="<p>" + "x" * 10_000_000)),
            "/en/home/bomb": bomb,
            "/en/home/encoding": answering(detail("encoding", title="<b>Casa Peñón</b>").encode("latin-1"), charset=None),
            "/en/home/binary": answering(bytes(range(256)) * 40),
            "/en/home/nul": answering(detail("nul", head=padding).replace("House for rent", "House\x00 for rent")),
            "/en/home/markup": answering(detail("markup", title=hostile_title)),
            "/en/home/stranger": answering("<html><head><title>Another site</title></head><body>Welcome</body></html>"),
            "/en/home/login": redirecting("/account/authentication/new"),
            "/account/authentication/new": answering(login_page()),
            "/en/home/off-site": redirecting("https://www.example.com/en/home/off-site"),
            "/en/home/to-loopback": redirecting(f"{elsewhere.base_url}/en/home/to-loopback"),
            "/en/home/reset": reset,
            "/en/home/cut": cut_short,
            "/en/home/error": answering("<html>down</html>", status=500),
            "/en/home/other": answering(detail_page(key="EB-ZZ9999", number=9_009_999, slug="other")),
            "/en/home/nameless": answering(detail_page(key=None, number=None, slug="nameless")),
            "/en/home/half": answering(detail("half").partition('<div class="listing__price">')[0]),
            "/en/home/spanish": redirecting("/inmueble/spanish"),
            "/inmueble/spanish": answering(detail("spanish", lang="es-MX")),
            "/en/home/in-spanish": answering(detail("in-spanish", lang="es-MX")),
        }
        with site(answers) as portal:
            assert scan(portal, database_url).code == 0
            assert scalar(engine, "SELECT count(*) FROM property_manifest") == len(NAMES)
            done = scrape(portal, database_url)
        elsewhere_asked = elsewhere.requested
    assert done.code == 0, done.err
    found = error_types(engine)
    expected = {
        "truncated": "unreadable",
        "empty": "empty_page",
        "bomb": "download",
        "huge": "unreadable",
        "binary": "unreadable",
        "stranger": "wrong_page",
        "login": "login",
        "off-site": "off_site",
        "to-loopback": "off_site",
        "reset": "download",
        "cut": "download",
        "error": "http_status",
        "other": "other_listing",
        "nameless": "wrong_page",
        "half": "unreadable",
        "spanish": "other_language",
        "in-spanish": "other_language",
    }
    assert {name: found.get(IDS[name]) for name in NAMES if IDS[name] in found} == expected
    stored = {row["property_id"]: row for row in rows(engine, "SELECT * FROM properties_live")}
    kept = {"good", "encoding", "nul", "markup"}
    assert stored.keys() == {IDS[name] for name in kept} | {"pincali:EB-ZZ9999"}
    assert stored[IDS["nul"]]["title"] == "House for rent"
    assert stored[IDS["markup"]]["title"] == "<script>alert(1)</script> [/] [bold]x"
    assert elsewhere_asked == []
    statuses = {row["property_id"]: row["status"] for row in rows(engine, "SELECT * FROM scrape_queue")}
    assert {name for name in NAMES if statuses[IDS[name]] == "completed"} == kept
    assert {statuses[IDS[name]] for name in expected} == {"pending"}
    attempts = {row["property_id"]: row["attempt_count"] for row in rows(engine, "SELECT * FROM scrape_queue")}
    assert {name for name in expected if not attempts[IDS[name]]} == {"login", "spanish", "in-spanish"}
    assert attempts[IDS["reset"]] == attempts[IDS["half"]] == 1


def test_bad_cards_cost_themselves_only(engine: Engine, database_url: str) -> None:
    with site({}) as elsewhere:
        cards = [
            card(key="EB-AB1001", number=7_001_001, href="/en/home/good", title="<b>[/]</b> {{ 7*7 }}"),
            card(key=None, number=None, href="/en/home/no-id"),
            card(key="EB-AB1003", number=7_001_003, href=None),
            card(key="EB-AB1004", number=7_001_004, href="https://www.example.com/en/home/x"),
            card(key="EB-AB1005", number=7_001_005, href=f"{elsewhere.base_url}/en/home/x"),
            card(key="EB-AB1006", number=7_001_006, href="javascript:alert(1)"),
            card(key="EB-AB1007", number=7_001_007, href="/en/home/no-price", prices=""),
            card(key="EB-AB1008", number=7_001_008, href="/en/home/odd-price", prices=price("a llama and $3 goats")),
            card(key="EB-AB1009", number=7_001_009, href="/en/home/nowhere", coordinates=("north", "999")),
        ]
        with site({SALE: answering(listing_page(*cards, total="9"))}) as portal:
            done = scan(portal, database_url)
        assert elsewhere.requested == []
    assert done.code == 0, done.err
    cards_stored = {row["property_id"].partition(":")[2]: row for row in rows(engine, "SELECT * FROM property_manifest")}
    assert cards_stored.keys() == {"EB-AB1001", "EB-AB1007", "EB-AB1008", "EB-AB1009"}
    assert cards_stored["EB-AB1009"]["latitude"] is None
    assert "[/]" in cards_stored["EB-AB1001"]["listing_page_title"]
    assert column(engine, "SELECT property_id FROM property_offers ORDER BY 1") == ["pincali:EB-AB1001", "pincali:EB-AB1009"]
    errors = rows(engine, "SELECT * FROM scraping_errors")
    assert {row["error_type"] for row in errors} == {"card"}
    assert len(errors) >= 5
    sweep = one(engine, "SELECT * FROM sweeps")
    assert (sweep["cards"], sweep["entries"], sweep["pages_failed"], sweep["pages_fetched"]) == (9, 4, 0, 1)
    assert scalar(engine, "SELECT warning_count FROM scraping_sessions") > 0


def test_a_listing_page_that_fails_does_not_end_the_walk(engine: Engine, database_url: str) -> None:
    def page_of(number: int) -> str:
        first = 7_100_000 + number * 10
        cards = [card(key=f"EB-CD{first + i}", number=first + i, href=f"/en/home/c{first + i}") for i in range(2)]
        return listing_page(*cards, total="12", current=number, following=next_button(number + 1))

    answers: dict[str, Answer] = {
        SALE: answering(page_of(1)),
        f"{SALE}?page=2": answering("<html>nothing of ours</html>"),
        f"{SALE}?page=3": reset,
        f"{SALE}?page=4": answering(page_of(4)),
        f"{SALE}?page=5": answering(listing_page(total="12", current=5)),
    }
    with site(answers) as portal:
        done = scan(portal, database_url)
        assert [portal.requested.count(f"{SALE}?page={number}") for number in (2, 3, 4, 5, 6)] == [4, 4, 1, 4, 1]
    assert done.code == 1
    assert "crawl failed: 3 of 6 listing pages failed" in done.err
    found = rows(engine, "SELECT page, error_type FROM scraping_errors ORDER BY page")
    assert [tuple(row.values()) for row in found] == [
        (2, "wrong_page"),
        (3, "download"),
        (5, "empty_page"),
        (6, "gone"),
    ]
    sweep = one(engine, "SELECT * FROM sweeps")
    # Page 1 twice: with a total that was not reached, the head is looked at again.
    assert (sweep["pages_fetched"], sweep["pages_failed"], sweep["cap_hit"], sweep["entries"]) == (3, 3, True, 6)
    assert sweep["verdict"] == "partial"


def test_robots_txt_is_obeyed_and_said(engine: Engine, database_url: str) -> None:
    pages: dict[str, Answer] = {SALE: answering(listing_page(*LISTED[:2], total="2"))}
    with site(pages) as portal:
        assert scan(portal, database_url).code == 0
        pages["/robots.txt"] = answering("User-agent: *\nDisallow: /en/home/\n")
        done = scrape(portal, database_url)
        assert [path for path in portal.requested if "/home/" in path] == []
    assert done.code == 1
    assert column(engine, "SELECT error_type FROM scraping_errors") == ["robots", "robots"]


@pytest.mark.parametrize("wall", ["challenge", "reconstructed", "captured", "forbidden"])
def test_a_wall_stops_the_crawl_and_costs_nobody_an_attempt(engine: Engine, database_url: str, wall: str) -> None:
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "real" / "blockpages"
    names = {"reconstructed": "aws_waf_challenge_*.html", "captured": "es_idealista*.html"}
    if wall in names and not folder.is_dir():
        pytest.skip(f"no captured walls at {folder}")
    body = next(folder.glob(names[wall])).read_bytes() if wall in names else b""
    status = {"challenge": 202, "forbidden": 403}.get(wall, 200)
    cards = [card(key=f"EB-WW{1000 + i}", number=9_001_000 + i, href=f"/en/home/w{i}") for i in range(45)]
    pages: dict[str, Answer] = {SALE: answering(listing_page(*cards, total="45"))}
    with site(pages) as portal:
        assert scan(portal, database_url).code == 0
        pages |= {f"/en/home/w{i}": answering(body, status=status) for i in range(45)}
        done = scrape(portal, database_url)
        asked = [path for path in portal.requested if "/home/" in path]
    assert done.code == 1
    assert "crawl failed: blocked" in done.err
    # Sixteen are under way when the first one shows the wall.
    assert 0 < len(asked) <= 24
    session = one(engine, "SELECT * FROM scraping_sessions WHERE spider = 'detail'")
    assert (session["status"], session["finish_reason"]) == ("failed", "blocked")
    assert set(column(engine, "SELECT error_type FROM scraping_errors")) == {"blocked"}
    queue = rows(engine, "SELECT DISTINCT status, attempt_count FROM scrape_queue")
    assert queue == [{"status": "pending", "attempt_count": 0}]


def test_a_wall_before_the_first_listing_page_judges_nothing(engine: Engine, database_url: str) -> None:
    with site({SALE: answering(b"", status=202)}) as portal:
        done = scan(portal, database_url)
    assert done.code == 1
    assert "crawl failed: blocked" in done.err
    assert one(engine, "SELECT status, pages_failed FROM sweeps") == {"status": "aborted", "pages_failed": 1}
    assert scalar(engine, "SELECT status FROM sync_runs") == "failed"
