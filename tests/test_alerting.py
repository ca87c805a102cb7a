"""Alerts reach a real receiver, once, and are not lost when it is down."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from structlog.testing import capture_logs

from propspider import alerting
from propspider.alerting import Delivered, deliver_open
from propspider.config import Config
from propspider.db.engine import create_engine
from propspider.logs import redactor
from propspider.sync import alerts, leases
from tests.builders import one, run, scalar
from tests.receiver import Receiver, receiving

Configure = Callable[..., None]
HOSTILE = "Casa @everyone <!channel> [/] **x** \x1b[31m<script>alert(1)</script>\nsecond\u202eline %s {0}"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    def to(*receivers: Receiver | str) -> None:
        urls = [receiver if isinstance(receiver, str) else receiver.url for receiver in receivers]
        monkeypatch.setenv("PROPSPIDER_ALERT_URLS", "\n".join(urls))

    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(alerting, "_failing", set())
    return to


def raised(engine: Engine, message: str = "status 403", **facts: Any) -> int:
    with engine.begin() as connection:
        return alerts.raise_alert(connection, "block", message, portal="pincali", **facts)


def a_day_later(engine: Engine) -> None:
    run(engine, "UPDATE alerts SET delivered_at = delivered_at - interval '25 hours'")


def test_an_open_alert_is_sent_once(engine: Engine, configure: Configure) -> None:
    with receiving() as receiver:
        configure(receiver)
        number = raised(engine, severity="critical")
        assert deliver_open(engine) == Delivered(sent=1)
        assert deliver_open(engine) == Delivered()
        raised(engine, severity="critical")
        assert deliver_open(engine) == Delivered()
    (said,) = receiver.asked
    assert (said["title"], said["type"]) == ("propspider: block at pincali", "failure")
    assert said["message"].splitlines()[0] == "status 403"
    assert said["message"].splitlines()[-1] == f"propspider alerts ack {number}"
    assert scalar(engine, "SELECT delivered_at FROM alerts") is not None


def test_what_stays_open_is_said_again_after_a_day_until_somebody_acknowledges_it(engine: Engine, configure: Configure) -> None:
    with receiving() as receiver:
        configure(receiver)
        known = raised(engine)
        deliver_open(engine)
        a_day_later(engine)
        assert deliver_open(engine).sent == 1
        a_day_later(engine)
        with engine.begin() as connection:
            assert alerts.acknowledge(connection, [known]) == [known]
            assert alerts.acknowledge(connection, [known]) == []
        raised(engine, severity="critical")
        assert deliver_open(engine) == Delivered()
        with engine.begin() as connection:
            alerts.resolve(connection, "block", portal="pincali")
        raised(engine)
        assert deliver_open(engine).sent == 1
    assert len(receiver.asked) == 3


def test_what_becomes_worse_is_said_at_once(engine: Engine, configure: Configure) -> None:
    with receiving() as receiver:
        configure(receiver)
        raised(engine, severity="warning")
        deliver_open(engine)
        raised(engine, "worse", severity="critical")
        assert deliver_open(engine).sent == 1
        raised(engine, "better", severity="info")
        assert deliver_open(engine).sent == 0
    assert [said["type"] for said in receiver.asked] == ["warning", "failure"]


def test_what_was_resolved_before_it_could_be_sent_is_not_sent(engine: Engine, configure: Configure) -> None:
    with receiving() as receiver:
        configure(receiver)
        raised(engine)
        with engine.begin() as connection:
            alerts.resolve(connection, "block", portal="pincali")
        assert deliver_open(engine) == Delivered()
    assert receiver.asked == []


def test_a_service_that_is_down_gets_it_when_it_is_up_and_is_complained_about_once(engine: Engine, configure: Configure) -> None:
    with receiving(500, 500) as receiver:
        configure(receiver)
        raised(engine)
        with engine.begin() as connection:
            alerts.raise_alert(connection, "quarantine", "more removals than usual", portal="pincali")
        with capture_logs() as told:
            assert deliver_open(engine) == Delivered(waiting=2, failed=("json",))
            assert len(receiver.asked) == 1  # the second alert does not wait for the same time-out
            assert deliver_open(engine) == Delivered(waiting=2, failed=("json",))
            assert scalar(engine, "SELECT count(*) FROM alerts WHERE delivered_at IS NULL") == 2
            assert deliver_open(engine) == Delivered(sent=2)
    assert [(line["event"], line["log_level"], line["services"]) for line in told] == [
        ("alerts not delivered", "warning", ["json"]),
        ("alerts are delivered again", "info", ["json"]),
    ]


def test_a_service_that_has_it_is_not_asked_again_for_another_that_is_down(engine: Engine, configure: Configure) -> None:
    with receiving() as well, receiving(500) as ill:
        configure(well, ill)
        raised(engine)
        assert deliver_open(engine) == Delivered(waiting=1, failed=("json-2",))
        row = one(engine, "SELECT accepted_by, delivered_at FROM alerts")
        assert (row["accepted_by"], row["delivered_at"]) == (["json"], None)
        assert deliver_open(engine) == Delivered(sent=1)
        assert (len(well.asked), len(ill.asked)) == (1, 2)
    row = one(engine, "SELECT accepted_by, delivered_at IS NULL AS waits FROM alerts")
    assert (row["accepted_by"], row["waits"]) == ([], False)


def test_nobody_listens_and_nothing_is_lost(engine: Engine, configure: Configure) -> None:
    configure("json://127.0.0.1:9/token-of-mine", "json://[broken", "no scheme")
    raised(engine)
    done = deliver_open(engine)
    assert (done.sent, done.waiting) == (0, 1)
    assert scalar(engine, "SELECT delivered_at FROM alerts") is None


def test_while_another_process_delivers_nothing_is_sent_twice(engine: Engine, configure: Configure) -> None:
    with receiving() as receiver:
        configure(receiver)
        raised(engine)
        with engine.begin() as connection:
            lease = leases.acquire(connection, alerting.LEASE, "another", ttl_seconds=60)
        assert deliver_open(engine) == Delivered(is_busy=True)
        with engine.begin() as connection:
            leases.release(connection, lease)
        assert deliver_open(engine) == Delivered(sent=1)
    assert len(receiver.asked) == 1


def test_of_two_that_deliver_at_once_one_does(engine: Engine, configure: Configure) -> None:
    with receiving() as receiver:
        configure(receiver)
        for number in range(5):
            raised(engine, subject=str(number))
        with ThreadPoolExecutor(4) as threads:
            done = list(threads.map(deliver_open, [engine] * 4))
    assert sorted(receiver.messages) == sorted(set(receiver.messages))
    assert (len(receiver.asked), sum(one.sent for one in done)) == (5, 5)
    assert scalar(engine, "SELECT count(*) FROM alerts WHERE delivered_at IS NULL") == 0


def test_a_crawl_that_ends_waits_for_no_service_for_ever(
    engine: Engine, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "GIVEN_UP_SECONDS", 0.5)
    with receiving() as receiver:
        receiver.held = threading.Event()
        configure(receiver)
        raised(engine)
        with capture_logs() as told:
            alerting.deliver_at_the_end(engine)
        receiver.held.set()
        for thread in threading.enumerate():
            if thread.name == "alerts":
                thread.join(timeout=30)
    assert [line["reason"] for line in told] == ["a service does not come to an end"]


def test_no_time_sends_nothing_and_loses_nothing(engine: Engine, configure: Configure) -> None:
    with receiving() as receiver:
        configure(receiver)
        raised(engine)
        assert deliver_open(engine, seconds=0) == Delivered()
        assert deliver_open(engine) == Delivered(sent=1)


def test_hostile_text_is_data(engine: Engine, configure: Configure) -> None:
    with receiving() as receiver:
        configure(receiver)
        raised(engine, HOSTILE + "x" * 10_000, subject="@here\nforged: line")
        assert deliver_open(engine).sent == 1
    (message,) = receiver.messages
    first, facts, _ = message.splitlines()
    assert "@everyone" not in message
    assert "@here" not in message
    assert not {"\x1b", "\u202e", "\r"} & set(message)
    assert "<script>alert(1)</script> second" in first
    assert len(first) < 2 * alerting.LONGEST_MESSAGE
    assert "forged: line" in facts


def test_services_are_named_by_scheme_alone() -> None:
    urls = [SecretStr(url) for url in ("json://u:secret@h/t", "MAILTO://u:secret@h", "json://x", "secret", "secret@h")]
    assert alerting.names(urls) == ["json", "mailto", "json-2", "unreadable", "unreadable-2"]


def test_addresses_are_in_no_log_and_no_print() -> None:
    url = "slack://tokenA/tokenB/tokenC"
    config = Config(alert_urls=(SecretStr(url),))
    assert "token" not in repr(config)
    assert redactor(config)(None, "", {"event": f"sent to {url}"}) == {"event": "sent to ***"}


def test_apprise_is_not_imported_where_nothing_is_configured() -> None:
    code = (
        "import sys, propspider.extensions.run_record; from propspider import alerting;"
        "alerting.deliver_at_the_end(None); print('apprise' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
