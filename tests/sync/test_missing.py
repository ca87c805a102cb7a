"""What a page does not state, and live has: kept until a second look, a day later, in a session that is well."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from propspider.items import PropertyItem
from propspider.sync import missing
from propspider.sync.promote import promote
from tests.builders import at, column, item, listing, new_session, one, rows, run, scalar

DAY = 24 * 60
WELL = range(2, 26)
"""Listings whose pages lack nothing."""
FIELDS = st.sets(st.sampled_from("abc"))


@given(lacking=FIELDS, healthy=FIELDS, marks=st.dictionaries(st.sampled_from("abc"), st.integers(-3 * DAY, 0).map(at)))
def test_only_what_was_missed_a_day_ago_and_is_missed_in_a_healthy_session_is_cleared(
    lacking: set[str], healthy: set[str], marks: dict[str, Any]
) -> None:
    cleared, kept = missing.decide(sorted(lacking), marks, at(0), healthy)
    assert all(one in lacking & healthy and at(0) - marks[one] >= timedelta(days=1) for one in cleared)
    assert kept.keys() == (lacking & (healthy | marks.keys())) - set(cleared)
    assert all(since == marks.get(one, at(0)) for one, since in kept.items())
    assert missing.decide(sorted(lacking), marks, at(0), set())[0] == []


def night(engine: Engine, minute: float, *others: PropertyItem, well: dict[str, Any] | None = None) -> None:
    """A detail session that ended well: 24 pages that lack nothing, or are `well`, and others."""
    session = new_session(engine, "detail")
    with engine.begin() as connection:
        promote(connection, session, [*(item(number, minute=minute, **(well or {})) for number in WELL), *others])
    run(engine, "UPDATE scraping_sessions SET status = 'completed', completed_at = app_now() WHERE id = :id", id=session.id)


def known(engine: Engine) -> tuple[Any, ...]:
    return tuple(one(engine, "SELECT bedrooms, features FROM properties_live WHERE property_id = :id", id=listing(1)).values())


def marks(engine: Engine) -> dict[str, str] | None:
    found: dict[str, str] | None = scalar(
        engine, "SELECT missing_since FROM property_state WHERE property_id = :id", id=listing(1)
    )
    return found


FULL: dict[str, Any] = {"bedrooms": 3, "features": ("3 bedrooms", "garden")}
BARE: dict[str, Any] = {"bedrooms": None, "features": ("garden",)}


def three_nights(engine: Engine) -> None:
    for minute in (-3, -2, -1):
        night(engine, minute * DAY, item(1, minute=minute * DAY, **FULL))


def test_a_value_that_is_missed_twice_a_day_apart_is_cleared(engine: Engine) -> None:
    three_nights(engine)
    night(engine, 0, item(1, minute=0, **BARE))
    assert (known(engine), marks(engine)) == ((3, ["3 bedrooms", "garden"]), {"bedrooms": at(0).isoformat()})
    night(engine, DAY - 1, item(1, minute=DAY - 1, **BARE))
    assert known(engine) == (3, ["3 bedrooms", "garden"])
    night(engine, DAY, item(1, minute=DAY, **BARE))
    assert (known(engine), marks(engine)) == ((None, ["garden"]), None)
    found = rows(engine, "SELECT field_name, new_value FROM property_changes WHERE change_type = 'updated' ORDER BY 1")
    assert [tuple(row.values()) for row in found] == [("bedrooms", None), ("features", ["garden"])]
    assert column(engine, "SELECT DISTINCT cleared FROM property_scrapes_staging WHERE cleared IS NOT NULL") == [["bedrooms"]]


def test_a_value_that_is_seen_again_is_missed_no_more(engine: Engine) -> None:
    three_nights(engine)
    night(engine, 0, item(1, minute=0, **BARE))
    night(engine, DAY, item(1, minute=DAY, **FULL))
    assert (known(engine), marks(engine)) == ((3, ["3 bedrooms", "garden"]), None)
    night(engine, DAY + 60, item(1, minute=DAY + 60, **BARE))
    assert known(engine) == (3, ["3 bedrooms", "garden"])


def test_a_sick_session_neither_marks_nor_clears(engine: Engine) -> None:
    three_nights(engine)
    night(engine, 0, item(1, minute=0, **BARE), well={"bedrooms": None})
    assert (known(engine), marks(engine)) == ((3, ["3 bedrooms", "garden"]), None)
    night(engine, DAY, item(1, minute=DAY, **BARE))
    night(engine, 3 * DAY, item(1, minute=3 * DAY, **BARE), well={"bedrooms": None})
    assert (known(engine), marks(engine)) == ((3, ["3 bedrooms", "garden"]), {"bedrooms": at(DAY).isoformat()})
    assert scalar(engine, "SELECT count(*) FROM properties_live WHERE bedrooms IS NULL") == 0


def test_a_session_of_few_pages_says_nothing(engine: Engine) -> None:
    three_nights(engine)
    with engine.begin() as connection:
        promote(connection, new_session(engine, "detail"), [item(1, minute=0, **BARE)])
    assert (known(engine), marks(engine)) == ((3, ["3 bedrooms", "garden"]), None)


def test_a_list_that_is_shorter_on_a_page_that_lacks_nothing_is_shorter(engine: Engine) -> None:
    three_nights(engine)
    night(engine, 0, item(1, minute=0, bedrooms=3, features=("3 bedrooms",)))
    assert known(engine) == (3, ["3 bedrooms"])
