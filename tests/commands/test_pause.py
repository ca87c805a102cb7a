"""pause, resume, and what status says of them."""

import pytest
from sqlalchemy import Engine

from propspider.sync import alerts, breaker
from tests.commands.conftest import Report, Run


def blocked(engine: Engine) -> breaker.Pause:
    with engine.begin() as connection:
        return breaker.trip(connection, "pincali", "blocked")


def test_a_portal_is_paused_and_resumed_and_both_may_be_said_twice(run: Run, engine: Engine) -> None:
    first = run("pause", "--portal", "pincali", "--reason", "they  asked\nus to")
    assert first.exit_code == 0
    assert first.stdout.startswith("pincali is paused since ")
    assert first.stdout.endswith("until it is resumed (they asked us to): propspider resume --portal pincali\n")
    again = run("pause", "--portal", "pincali", "--reason", "another")
    assert (again.exit_code, again.stdout) == (0, f"nothing changed: {first.stdout}")
    ended = run("resume", "--portal", "pincali")
    assert ended.stdout.startswith("pincali is resumed; it was paused since ")
    assert ended.stdout.endswith("(they asked us to)\n")
    assert run("resume", "--portal", "pincali").stdout == "nothing changed: pincali was not paused\n"
    assert run("resume", "--all").stdout == "nothing changed: no portal was paused\n"


def test_all_portals_are_paused_and_one_of_them_is_not_resumed_alone(run: Run, engine: Engine) -> None:
    assert run("pause", "--all").stdout.startswith("every portal is paused since ")
    alone = run("resume", "--portal", "pincali").stdout.splitlines()
    assert alone[0] == "nothing changed: pincali was not paused"
    assert alone[1].startswith("still: every portal is paused since ")
    assert alone[1].endswith("propspider resume --all")
    assert run("resume", "--all").stdout.startswith("every portal is resumed")


def test_a_person_may_make_a_block_last(run: Run, report: Report, engine: Engine) -> None:
    blocked(engine)
    assert (
        "until it is resumed (wait for their answer)"
        in run("pause", "--portal", "pincali", "--reason", "wait for their answer").stdout
    )
    told = run("resume", "--portal", "pincali").stdout.splitlines()
    assert told[1:] == ["1 alert of a block resolved"]


def test_as_json(report: Report, engine: Engine) -> None:
    made = report("pause", "--portal", "pincali")
    assert (made["changed"], made["pause"]["portal"], made["pause"]["until"]) == (True, "pincali", None)
    assert report("pause", "--portal", "pincali") == {**made, "changed": False}
    ended = report("resume", "--all")
    assert ([one["portal"] for one in ended["ended"]], ended["alerts_resolved"], ended["still_paused"]) == (["pincali"], 0, [])


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize("options", [(), ("--portal", "pincali", "--all")])
def test_neither_or_both_is_refused(run: Run, engine: Engine, command: str, options: tuple[str, ...]) -> None:
    result = run(command, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "propspider: name one portal with --portal NAME, or all of them with --all\n"


def test_a_portal_that_does_not_exist_is_named(run: Run, engine: Engine) -> None:
    result = run("pause", "--portal", "nowhere")
    assert (result.exit_code, result.stderr) == (1, "propspider: no portal 'nowhere'; there are: pincali\n")


def test_status_shows_what_is_paused_and_what_somebody_should_know(run: Run, report: Report, engine: Engine) -> None:
    (calm,) = report("status")["portals"]
    assert (calm["pause"], calm["alerts"]) == (None, [])
    made = blocked(engine)
    with engine.begin() as connection:
        alerts.raise_alert(connection, "backlog", "[red]much[/red] to do", subject="detail")
    shown = run("status").stdout
    assert str(made) in shown
    assert "open alerts" in shown
    assert "[red]much[/red] to do" in shown
    found = report("status")
    (portal,) = found["portals"]
    assert (portal["pause"]["paused_by"], portal["pause"]["times"]) == ("breaker", 1)
    (alert,) = portal["alerts"]
    assert (alert["kind"], alert["subject"], alert["times"]) == ("block", "", 1)
    assert [other["kind"] for other in found["alerts"]] == ["backlog"]
