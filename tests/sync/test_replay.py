"""Whatever order observations arrive in: history replays to live, and the newest observation wins."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from propspider.items import ManifestPage, Offer, PropertyItem
from propspider.sync import arrivals
from propspider.sync.compare import DETAIL_COLUMNS, PRICE_COLUMNS
from propspider.sync.promote import promote
from propspider.sync.runs import SessionRef
from tests.builders import at, entry, item, listing, new_session, offer, page, rows

LISTINGS = 2
DATA = (*DETAIL_COLUMNS, *PRICE_COLUMNS)

amounts = st.sampled_from([None, 100, 150, 900_000, 905_000, "99.99"])
offers = st.builds(
    offer,
    amounts,
    st.sampled_from(["MXN", "USD"]),
    st.sampled_from(["sale", "rent"]),
    unit=st.sampled_from(["total", "square_meter"]),
)
offer_lists = st.lists(offers, max_size=3, unique_by=lambda one: (one.operation, one.unit)).map(tuple)
empties = st.sets(st.sampled_from(["bedrooms", "agent_name", "features"])).map(frozenset)


@dataclass(frozen=True)
class Seen:
    """What one page says of one listing; `rooms` and the like only where it is a detail page."""

    number: int
    minute: int
    is_detail: bool
    offers: tuple[Offer, ...]
    title: str
    rooms: int | None
    agent: str | None
    features: tuple[str, ...] | None
    area: Decimal | None
    stated_empty: frozenset[str]

    def as_item(self) -> PropertyItem:
        facts: dict[str, Any] = {"bedrooms": self.rooms, "agent_name": self.agent, "features": self.features}
        empty = frozenset(name for name in self.stated_empty if facts[name] is None)
        return item(
            self.number,
            minute=self.minute,
            offers=self.offers,
            title=self.title,
            total_area_m2=self.area,
            stated_empty=empty,
            **facts,
        )

    def as_page(self) -> ManifestPage:
        return page(entry(self.number, offers=self.offers, title=self.title), minute=self.minute)


seen = st.builds(
    Seen,
    number=st.integers(1, LISTINGS),
    minute=st.integers(0, 9),
    is_detail=st.booleans(),
    offers=offer_lists,
    title=st.sampled_from(["One", "Two"]),
    rooms=st.sampled_from([None, 1, 2]),
    agent=st.sampled_from([None, "Noa Simulada"]),
    features=st.sampled_from([None, (), ("pool",)]),
    area=st.sampled_from([None, Decimal("0.5"), Decimal(100)]),
    stated_empty=empties,
)


def one_detail_each(batch: list[Seen]) -> list[Seen]:
    """A flush takes the newest of several detail pages of a listing whole; listing pages it merges."""
    details = {one.number: one for one in batch if one.is_detail}
    return [one for one in batch if not one.is_detail or details[one.number] is one]


batches = st.lists(st.lists(seen, min_size=1, max_size=3).map(one_detail_each), min_size=1, max_size=10)


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(arrivals_in_order=batches)
def test_history_replays_to_live_and_the_newest_price_wins(engine: Engine, arrivals_in_order: list[list[Seen]]) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {', '.join(TABLES)}"))
    session = new_session(engine)
    for batch in arrivals_in_order:
        store(engine, session, batch)
    live = {row["property_id"]: row for row in rows(engine, JSON_LIVE)}
    assert replayed(engine) == {name: {column: row["data"][column] for column in DATA} for name, row in live.items()}
    everything = [one for batch in arrivals_in_order for one in batch]
    for number in range(1, LISTINGS + 1):
        newest_price_wins(engine, listing(number), [one for one in everything if one.number == number])


TABLES = (
    "property_manifest",
    "manifest_sightings",
    "property_offers",
    "property_state",
    "properties_live",
    "property_changes",
    "property_scrapes_staging",
    "scrape_queue",
)
JSON_LIVE = "SELECT property_id, to_jsonb(l) AS data FROM properties_live l"


def store(engine: Engine, session: SessionRef, batch: list[Seen]) -> None:
    pages = [one.as_page() for one in batch if not one.is_detail]
    items = [one.as_item() for one in batch if one.is_detail]
    with engine.begin() as connection:
        if pages:
            arrivals.record_pages(connection, session, pages, pages_wanted=0)
        if items:
            promote(connection, session, items)


def replayed(engine: Engine) -> dict[str, dict[str, Any]]:
    """Live's data columns as history alone tells them."""
    known: dict[str, dict[str, Any]] = {}
    for change in rows(engine, "SELECT * FROM property_changes ORDER BY id"):
        name = change["property_id"]
        if change["change_type"] == "created":
            assert name not in known
            known[name] = dict.fromkeys(DATA) | change["new_value"]
        else:
            assert known[name][change["field_name"]] == change["old_value"]
            assert change["old_value"] != change["new_value"]
            known[name][change["field_name"]] = change["new_value"]
    return known


def newest_price_wins(engine: Engine, name: str, of_listing: list[Seen]) -> None:
    """Among the observations that state offers, the newest one that is alone at its moment has its say."""
    stating = [one for one in of_listing if one.offers]
    if not stating:
        return
    latest = max(one.minute for one in stating)
    newest = [one for one in stating if one.minute == latest]
    looked_later = any(one.is_detail and one.minute > latest for one in of_listing)
    if len(newest) > 1 or looked_later:
        return
    stored = {(row["operation"], row["unit"]): row for row in rows(engine, OFFERS, name=name)}
    for one in newest[0].offers:
        row = stored[one.operation.value, one.unit.value]
        held = row["held_reason"] is not None and one.kind.value == row["held_kind"] and one.amount == row["held_amount"]
        prefix = "held_" if held else ""
        assert (row[f"{prefix}kind"], row[f"{prefix}amount"], row[f"{prefix}currency"]) == (
            one.kind.value,
            one.amount,
            one.currency,
        )
        assert not row["is_withdrawn"]
        assert isinstance(row["observed_at"], datetime)
        assert row["observed_at"] <= at(latest)


OFFERS = "SELECT * FROM property_offers WHERE property_id = :name"
