"""alerts list, ack and test."""

import pytest
from sqlalchemy import Engine

from propspider.sync import alerts
from tests.builders import scalar
from tests.commands.conftest import Report, Run
from tests.commands.rows import HOSTILE
from tests.receiver import receiving


def raised(engine: Engine, message: str = "status 403", *, portal: str = "pincali", subject: str = "") -> int:
    with engine.begin() as connection:
        return alerts.raise_alert(connection, "block", message, portal=portal, subject=subject)


def test_open_alerts_are_listed_and_with_all_those_that_are_over(run: Run, report: Report, engine: Engine) -> None:
    assert run("alerts", "list").stdout == "no open alert\n"
    over = raised(engine, "status 429", subject="old")
    with engine.begin() as connection:
        alerts.resolve(connection, "block", portal="pincali")
    known = raised(engine, HOSTILE)
    other = raised(engine, portal="acme")
    assert HOSTILE in run("alerts", "list").stdout
    assert [alert["id"] for alert in report("alerts", "list")] == [other, known]
    assert [alert["id"] for alert in report("alerts", "list", "--portal", "pincali")] == [known]
    shown = {alert["id"]: alert for alert in report("alerts", "list", "--all")}
    assert shown.keys() == {over, known, other}
    assert shown[over]["resolved_at"] is not None
    assert shown[known]["delivered_at"] is None
    assert "resolved" in run("alerts", "list", "--all").stdout


def test_an_alert_is_acknowledged_once(run: Run, report: Report, engine: Engine) -> None:
    first, second = raised(engine), raised(engine, portal="acme")
    told = run("alerts", "ack", str(first), str(second))
    assert told.stdout.splitlines() == [f"{first} block pincali: acknowledged", f"{second} block acme: acknowledged"]
    assert run("alerts", "ack", str(first)).stdout == f"{first} block pincali: nothing changed: acknowledged already\n"
    assert scalar(engine, "SELECT count(*) FROM alerts WHERE acknowledged_at IS NULL") == 0
    document = report("alerts", "ack", str(first))
    assert (document["acknowledged"], [alert["id"] for alert in document["alerts"]]) == ([], [first])
    assert "acknowledged" in run("alerts", "list").stdout


def test_a_person_may_say_that_an_alert_is_over(run: Run, report: Report, engine: Engine) -> None:
    known = raised(engine)
    assert run("alerts", "resolve", str(known)).stdout == f"{known} block pincali: resolved\n"
    assert run("alerts", "resolve", str(known)).stdout == f"{known} block pincali: nothing changed: resolved already\n"
    assert run("alerts", "ack", str(known)).stdout == f"{known} block pincali: nothing changed: resolved already\n"
    assert report("alerts", "list") == []
    assert raised(engine) != known


def test_an_alert_that_does_not_exist_is_named_and_the_others_are_acknowledged(run: Run, engine: Engine) -> None:
    known = raised(engine)
    result = run("alerts", "ack", str(known), "999999")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"propspider: no alert 999999; acknowledged: {known}\n"
    assert scalar(engine, "SELECT acknowledged_at FROM alerts") is not None


def test_a_test_message_arrives(run: Run, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with receiving() as receiver:
        monkeypatch.setenv("PROPSPIDER_ALERT_URLS", receiver.url)
        assert run("alerts", "test").stdout == "delivered: json\n"
        assert report("alerts", "test") == {"delivered": ["json"]}
    assert receiver.messages == ["This is a test. Alerts arrive here."] * 2


def test_a_test_message_that_does_not_arrive_is_one_line_without_an_address(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with receiving() as well, receiving(500) as ill:
        monkeypatch.setenv("PROPSPIDER_ALERT_URLS", f"{well.url} {ill.url} nonsense://ana:hunter22@example.com")
        result = run("alerts", "test")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "propspider: not delivered: json-2 (it did not accept the message), nonsense (its address cannot be read);"
        " delivered: json\n"
    )


def test_without_a_service_there_is_nothing_to_test(run: Run) -> None:
    result = run("alerts", "test")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "propspider: nothing is configured: PROPSPIDER_ALERT_URLS says where alerts go\n"
