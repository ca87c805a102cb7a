"""Connections that break, refusals and redirects, each over real HTTP, and what the project makes of them."""

import socket
from collections.abc import Iterator
from http.client import IncompleteRead, RemoteDisconnected
from time import monotonic
from urllib.parse import urljoin

import pytest
from web_poet import HttpResponse

from propspider.evidence import SURE, Finding
from propspider.items import Operation
from propspider.lab.pages import LOGIN_PATH
from propspider.lab.scopes import SCOPE_OF
from propspider.lab.server import REQUESTS
from propspider.portals import findings
from propspider.portals.judgement import Judgement

from .faulty import PORTAL, REAL_SECONDS, SALE, WORLD, Answer, Faulty, detail, faulty_portal, judged, path_of

MINE = WORLD.listings[0]
PATH = path_of(MINE)
GONE = "/en/home/no-such-listing"
FOR_SALE = WORLD.by_operation[Operation.SALE]


@pytest.fixture(scope="module")
def running() -> Iterator[Faulty]:
    with faulty_portal() as portal:
        yield portal


@pytest.fixture
def portal(running: Faulty) -> Faulty:
    running.set()
    running.spent.clear()
    running.marks.clear()
    return running


def found(answer: Answer, path: str = PATH) -> Finding:
    """As a GET that was not redirected."""
    response = HttpResponse(PORTAL.base_url + path, body=answer.body, status=answer.status)
    return findings.of_get(PORTAL, response, f"pincali:{MINE.public_id}")[0]


def found_by_head(answer: Answer) -> Finding:
    response = HttpResponse(PORTAL.base_url + PATH, body=b"", status=answer.status)
    return findings.of_head(PORTAL, response, location=answer.headers.get("location"))


# --- the connection ---


def until_reset(connection: socket.socket) -> bytes:
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        return received
    raise AssertionError("closed, not reset")


@pytest.mark.parametrize("path", [PATH, SALE, "/robots.txt", "/sitemap.xml", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_refused_sends_not_one_byte(portal: Faulty, path: str, method: str) -> None:
    portal.set("refused")
    with pytest.raises((ConnectionResetError, RemoteDisconnected)):
        portal.ask(path, method=method)
    assert portal.marks == ["refused"]


def test_who_got_no_answer_has_no_status_in_the_log(portal: Faulty) -> None:
    portal.set("refused,on=detail")
    with pytest.raises((ConnectionResetError, RemoteDisconnected)):
        portal.ask(PATH)
    portal.ask(SALE)
    assert [(one.path, one.status, one.fault) for one in list(portal.app[REQUESTS])[-2:]] == [
        (PATH, 0, "refused"),
        (SALE, 200, None),
    ]


def test_reset_breaks_off_in_mid_body(portal: Faulty) -> None:
    whole = portal.ask(SALE).body
    portal.set("reset")
    with socket.create_connection(("127.0.0.1", int(portal.base_url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(f"GET {SALE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = until_reset(connection)
    assert f"Content-Length: {len(whole)}".encode() in received
    assert len(whole) / 4 < len(received) < len(whole)
    assert portal.ask(SALE, method="HEAD").status == 200


def test_a_timeout_answers_nothing_and_takes_its_simulated_time(portal: Faulty) -> None:
    portal.set("timeout")
    with pytest.raises(TimeoutError):
        portal.ask(PATH, timeout=REAL_SECONDS / 4)
    assert portal.spent == [30.0]
    before = monotonic()
    with pytest.raises((ConnectionResetError, RemoteDisconnected)):
        portal.ask(PATH)
    assert REAL_SECONDS * 0.9 <= monotonic() - before < 8


def test_a_slow_body_arrives_whole_and_late(portal: Faulty) -> None:
    whole = portal.ask(SALE)
    portal.set("slow_body,seconds=15")
    before = monotonic()
    answer = portal.ask(SALE)
    assert REAL_SECONDS / 2 * 0.9 <= monotonic() - before < 8
    assert (answer.status, answer.body) == (200, whole.body)
    assert answer.headers["content-type"] == whole.headers["content-type"]
    assert sum(portal.spent) == 15


def test_who_does_not_wait_for_a_slow_body_leaves_the_server_alive(portal: Faulty) -> None:
    portal.set("slow_body,seconds=20")
    with pytest.raises(TimeoutError):
        portal.ask(SALE, timeout=REAL_SECONDS / 8)
    portal.set()
    assert portal.ask(SALE).status == 200


def test_a_cut_page_has_the_length_of_the_whole_and_a_half_page_its_own(portal: Faulty) -> None:
    whole = portal.ask(PATH).body
    portal.set("cut_page,share=0.5")
    with pytest.raises(IncompleteRead) as caught:
        portal.ask(PATH)
    assert caught.value.partial == whole[: len(whole) // 2]
    portal.set("half_page,share=0.25")
    answer = portal.ask(PATH)
    assert answer.body == whole[: len(whole) // 4]
    assert answer.headers["content-length"] == str(len(answer.body))


def test_a_page_is_cut_anywhere(portal: Faulty) -> None:
    whole = portal.ask(PATH).body
    portal.set("half_page")
    halves = [portal.ask(PATH).body for _ in range(5)]
    assert all(whole.startswith(half) for half in halves)
    assert len({len(half) for half in halves}) == 5


# --- refusals ---


@pytest.mark.parametrize("path", [PATH, f"{SALE}?page=2"])
@pytest.mark.parametrize(
    ("text", "status", "judgement", "finding"),
    [
        ("status_429,retry_after=90", 429, Judgement.BLOCKED, Finding.BLOCKED),
        ("status_503", 503, Judgement.HTTP_STATUS, Finding.SERVER_ERROR),
        ("challenge_202", 202, Judgement.BLOCKED, Finding.BLOCKED),
        ("challenge_202,body=empty", 202, Judgement.BLOCKED, Finding.BLOCKED),
        ("bot_wall", 200, Judgement.BLOCKED, Finding.BLOCKED),
        ("bot_wall,markers=none", 200, Judgement.WRONG_PAGE, Finding.WRONG_PAGE),
        ("wall_404", 404, Judgement.GONE, Finding.GONE),
        ("wall_404,page=challenge", 404, Judgement.BLOCKED, Finding.BLOCKED),
        ("soft_404", 200, Judgement.WRONG_PAGE, Finding.WRONG_PAGE),
        ("soft_404,says=gone", 200, Judgement.GONE, Finding.GONE_PAGE),
    ],
)
def test_a_refusal_is_judged(portal: Faulty, text: str, status: int, judgement: Judgement, finding: Finding, path: str) -> None:
    portal.set(text)
    answer = portal.ask(path)
    assert (answer.status, judged(path, answer), found(answer)) == (status, judgement, finding)
    assert portal.ask(path, method="HEAD").status == status


def test_too_many_requests_says_when_to_come_back(portal: Faulty) -> None:
    portal.set("status_429,retry_after=90")
    assert portal.ask(PATH).headers["retry-after"] == "90"
    assert portal.ask("/robots.txt").status == 200


def test_a_challenge_says_so_in_a_header_and_bears_every_sign_but_the_captcha(portal: Faulty) -> None:
    portal.set("challenge_202")
    answer = portal.ask(PATH)
    assert answer.headers["x-amzn-waf-action"] == "challenge"
    missing = [marker for marker in PORTAL.facts.blocked.markers if marker.lower() not in answer.text.lower()]
    assert missing == ["captcha-delivery.com"]


def test_a_wall_of_404_cannot_be_told_from_the_portals_own(portal: Faulty) -> None:
    own = portal.ask(GONE)
    portal.set("wall_404,on=detail")
    wall = portal.ask(PATH)
    assert (wall.status, wall.body) == (own.status, own.body)
    assert portal.ask(SALE).status == 200


def test_a_soft_404_may_be_of_what_is_gone_only(portal: Faulty) -> None:
    portal.set("soft_404,of=gone")
    assert portal.ask(PATH).body.count(b"listing__header") > 0
    answer = portal.ask(GONE)
    assert answer.status == 200
    assert found(answer) not in SURE
    assert portal.marks == [None, "soft_404"]


# --- other answers ---


@pytest.mark.parametrize(
    ("text", "path", "target", "finding"),
    [
        ("to_search", PATH, SALE, Finding.TO_SEARCH),
        ("to_search", f"{SALE}?page=3", SALE, Finding.TO_SEARCH),
        ("to_login", PATH, LOGIN_PATH, Finding.TO_LOGIN),
        ("to_login", SALE, LOGIN_PATH, Finding.TO_LOGIN),
        ("to_locale", PATH, f"/inmueble/{MINE.slug}", Finding.REDIRECTED),
        ("to_locale", f"{SALE}?page=2", SCOPE_OF[Operation.SALE].path("es") + "?page=2", Finding.REDIRECTED),
    ],
)
def test_a_redirect_leads_where_it_says_and_ends_there(
    portal: Faulty, text: str, path: str, target: str, finding: Finding
) -> None:
    portal.set(text)
    answer = portal.ask(path)
    assert (answer.status, answer.headers["location"]) == (302, target)
    assert found_by_head(answer) is finding
    assert findings.of_location(PORTAL, urljoin(PORTAL.base_url + path, target)) is finding
    assert portal.ask(target).status == 200


def test_the_page_in_another_language_is_of_the_same_listing(portal: Faulty) -> None:
    portal.set("to_locale")
    target = portal.ask(PATH).headers["location"]
    assert found(portal.ask(target), target) is Finding.ALIVE


def test_head_is_404_where_get_is_200(portal: Faulty) -> None:
    portal.set("head_404")
    assert found_by_head(portal.ask(PATH, method="HEAD")) is Finding.GONE
    assert found(portal.ask(PATH)) is Finding.ALIVE
    assert portal.marks == ["head_404", None]


def test_head_is_200_where_get_is_404(portal: Faulty) -> None:
    portal.set("head_200")
    assert found_by_head(portal.ask(GONE, method="HEAD")) is Finding.ANSWERED
    assert found(portal.ask(GONE), GONE) is Finding.GONE
    assert portal.ask(PATH, method="HEAD").status == 200
    assert portal.marks == ["head_200", None, None]


def test_robots_txt_disallows_everything(portal: Faulty) -> None:
    portal.set("robots_closed")
    assert portal.ask("/robots.txt").text == "User-agent: *\nDisallow: /\n"
    assert portal.ask(SALE).status == 200


def test_robots_txt_asks_for_another_delay(portal: Faulty) -> None:
    plain = portal.ask("/robots.txt").text
    portal.set("robots_delay,delay=2.5")
    assert portal.ask("/robots.txt").text == plain.replace("User-agent: *\n", "User-agent: *\nCrawl-delay: 2.5\n")


def test_the_language_of_a_page_is_kept(portal: Faulty) -> None:
    portal.set("wall_404")
    assert b'lang="es-MX"' in portal.ask(f"/inmueble/{MINE.slug}").body
    assert b'lang="en-MX"' in portal.ask(PATH).body


def test_an_untouched_page_reads_as_ever(portal: Faulty) -> None:
    portal.set("status_503@5..6")
    assert detail(PATH, portal.ask(PATH)).property_id == f"pincali:{MINE.public_id}"
