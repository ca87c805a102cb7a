"""When a tier is due. Every decision is made at an explicit moment."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from propspider import portals
from propspider.config import complaints, load
from propspider.overrides import TierOverride
from propspider.tiers.table import TABLE, Key, Step, Tier, due, next_fire, next_run, of_portal

MEXICO = ZoneInfo("America/Mexico_City")
NEW_YORK = ZoneInfo("America/New_York")
ONE, TWO, THREE, FOUR, FULL = TABLE

moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware by `timezones`
zones = st.sampled_from([ZoneInfo(name) for name in ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC")])
crons = st.sampled_from(["0 */6 * * *", "0 0 * * *", "30 1 * * *", "30 2 * * *", "0 2 * * sun", "0 4 1 * *", "*/30 * * * *"])


def at(text: str, zone: ZoneInfo = MEXICO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def fires(cron: str, start: datetime, zone: ZoneInfo, count: int) -> list[str]:
    found = []
    for _ in range(count):
        coming = next_fire(cron, start, zone)
        assert coming is not None
        start = coming
        found.append(f"{start.astimezone(zone):%m-%d %H:%M}")
    return found


def made(**facts: object) -> Tier:
    known: dict[str, object] = {"key": Key.ONE, "name": "hot_listings", "steps": (Step.MANIFEST,), "cron": "0 */6 * * *"}
    return Tier(**(known | facts))  # type: ignore[arg-type]


def test_each_tier_fires_when_the_design_says_in_the_portals_time_zone() -> None:
    sunday = at("2026-11-01T00:00")
    assert fires(ONE.cron or "", sunday, MEXICO, 4) == ["11-01 06:00", "11-01 12:00", "11-01 18:00", "11-02 00:00"]
    assert fires(TWO.cron or "", sunday, MEXICO, 1) == ["11-02 00:00"]
    assert fires(THREE.cron or "", sunday, MEXICO, 2) == ["11-01 02:00", "11-08 02:00"]
    assert fires(FOUR.cron or "", sunday, MEXICO, 2) == ["11-01 04:00", "12-01 04:00"]


def test_a_tier_that_never_ran_is_due_and_one_by_hand_never_is() -> None:
    now = at("2026-11-03T12:34")
    assert due(ONE, None, None, now, MEXICO)
    assert not due(FULL, None, None, now, MEXICO)
    assert next_run(FULL, now, now, now, MEXICO) is None


def test_a_tier_that_is_switched_off_is_never_due() -> None:
    assert not due(made(enabled=False), None, None, at("2026-11-03T12:00"), MEXICO)


def test_a_daemon_that_was_down_for_two_days_catches_up_once() -> None:
    last, now = at("2026-11-01T06:00"), at("2026-11-03T07:15")
    assert due(ONE, last, last, now, MEXICO)
    assert not due(ONE, now, now, now + timedelta(hours=4), MEXICO)
    assert next_run(ONE, now, now, now, MEXICO) == at("2026-11-03T12:00")


def test_a_clock_that_is_set_back_an_hour_doubles_no_run() -> None:
    found_due = at("2026-11-03T06:00:01")
    assert not due(ONE, found_due, found_due, at("2026-11-03T05:00:01"), MEXICO)
    assert not due(ONE, found_due, found_due, at("2026-11-03T06:00:30"), MEXICO)
    hourly = made(cron=None, every=timedelta(hours=1))
    assert not due(hourly, None, found_due, found_due - timedelta(hours=1), MEXICO)


def test_a_run_by_hand_does_not_stand_for_a_scheduled_one() -> None:
    assert due(ONE, at("2026-11-03T00:00"), at("2026-11-03T05:50"), at("2026-11-03T06:00"), MEXICO)


def test_an_interval_counts_from_the_last_start_whoever_made_it() -> None:
    every_two = made(cron=None, every=timedelta(hours=2))
    started = at("2026-11-03T05:50")
    assert not due(every_two, None, started, at("2026-11-03T07:49"), MEXICO)
    assert due(every_two, None, started, at("2026-11-03T07:50"), MEXICO)


def test_an_hour_that_is_repeated_holds_one_run_and_one_that_is_left_out_postpones_it() -> None:
    autumn, spring = at("2026-10-31T12:00", NEW_YORK), at("2026-03-07T12:00", NEW_YORK)
    assert fires("30 1 * * *", autumn, NEW_YORK, 2) == ["11-01 01:30", "11-02 01:30"]
    assert fires("30 2 * * *", spring, NEW_YORK, 2) == ["03-08 03:30", "03-09 02:30"]


@given(crons, moments, zones)
def test_runs_come_one_after_another(cron: str, start: datetime, zone: ZoneInfo) -> None:
    for _ in range(5):
        coming = next_fire(cron, start, zone)
        assert coming is not None
        assert coming > start
        start = coming


@given(crons, moments, st.timedeltas(timedelta(0), timedelta(days=40)), zones)
def test_whatever_was_missed_is_one_run(cron: str, last: datetime, away: timedelta, zone: ZoneInfo) -> None:
    tier, now = made(cron=cron), last + away
    if due(tier, last, last, now, zone):
        assert not due(tier, now, now, now, zone)
    else:
        coming = next_run(tier, last, last, now, zone)
        assert coming is not None
        assert coming > now


@given(crons, moments, st.timedeltas(timedelta(0), timedelta(hours=1)), zones)
def test_no_clock_set_back_makes_a_tier_due_again(cron: str, found_due: datetime, back: timedelta, zone: ZoneInfo) -> None:
    assert not due(made(cron=cron), found_due, found_due, found_due - back, zone)


def test_variables_change_the_table_and_a_portals_own_come_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIER_1_PAGES", "3")
    monkeypatch.setenv("TIER_1_FREQUENCY_HOURS", "2")
    monkeypatch.setenv("TIER_3_FREQUENCY_DAYS", "7")
    monkeypatch.setenv("TIER_4_STALE_DAYS", "45")
    monkeypatch.setenv("TIER_4_SAMPLE", "0.2")
    monkeypatch.setenv("TIER_2_ENABLED", "no")
    monkeypatch.setenv("TIER_2_PAGES", "40")
    monkeypatch.setenv("PROPSPIDER_PORTALS__PINCALI__TIERS__1__CRON", "15 3 * * 0")
    found = of_portal(portals.load("pincali"), load())
    assert (found[Key.ONE].pages, found[Key.ONE].cron, found[Key.ONE].every) == (3, "15 3 * * sun", None)
    assert (found[Key.THREE].cron, found[Key.THREE].every) == (None, timedelta(days=7))
    assert (found[Key.FOUR].stale, found[Key.FOUR].sample) == (timedelta(days=45), 0.2)
    assert not found[Key.TWO].enabled
    assert found[Key.ONE].go_on_pages == 40
    assert not found[Key.TWO].affords_all


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("TIER_1_CRON", "61 * * * *", "TIER_1_CRON: .*61"),
        ("TIER_1_CRON", "0 0 30 2 *", "TIER_1_CRON: .*never comes"),
        ("TIER_1_CRON", "daily", "TIER_1_CRON: .*five fields"),
        ("TIER_3_CRON", "0 2 * * 9", "TIER_3_CRON: .*day of the week"),
        ("TIER_1_FREQUENCY_HOURS", "0", "TIER_1_FREQUENCY_HOURS: "),
        ("TIER_4_SAMPLE", "10", "TIER_4_SAMPLE: "),
        ("TIER_7_PAGES", "1", "TIER_7: "),
        ("TIER_1_PAGE", "1", "TIER_1_PAGE: "),
    ],
)
def test_an_override_that_means_nothing_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError) as refused:
        load()
    assert re.match(says, complaints(refused.value))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("0", "sun"), ("7", "sun"), ("1-3", "mon,tue,wed"), ("fri-mon", "fri,sat,sun,mon"), ("*/3", "sun,wed,sat"), ("*", "*")],
)
def test_days_of_the_week_are_crons_where_0_is_sunday(written: str, meant: str) -> None:
    assert TierOverride(cron=f"0 2 * * {written}").cron == f"0 2 * * {meant}"
