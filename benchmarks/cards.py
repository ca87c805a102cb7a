"""The statement that writes cards into the manifest, beside COPY."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine, text

from benchmarks.ground import PORTAL, Ground, maintain, seconds
from benchmarks.rows import Row, paired
from propspider.sync import statement

ROUNDS = 5
KNOWN, KNOWN_LARGE = 120_000, 1_000_000
SIZES = ((42, 100, 0.25), (1000, 6, 0.40))
"""Cards a commit, commits a round, target."""
CHANGED, NEW = 0.02, 0.01
START = datetime(2026, 3, 1, tzinfo=UTC)

_FILL = """
INSERT INTO property_manifest (property_id, portal, source_url, internal_id, listing_page_title, property_type, latitude,
                               longitude, exact_location, first_seen_at, observed_at)
SELECT 'pincali:EB-B' || g, 'pincali', 'https://www.pincali.com/en/home/house-number-' || g, (5000000 + g)::text,
       'House number ' || g || ' with a garden and two parking spaces', 'house', 19 + g * 1e-6, -99 - g * 1e-6, true,
       :start, :start
FROM generate_series(1, :known) g
"""
_FILL_SIGHTINGS = """
INSERT INTO manifest_sightings (property_id, scope, portal, last_sweep, last_seen_at, last_priced_at, page_number)
SELECT 'pincali:EB-B' || g, 'sale', 'pincali', 1, :start, :start, 1 FROM generate_series(1, :known) g
"""
_COPIED = """
CREATE TABLE copied (property_id text, source_url text, internal_id text, title text, property_type text,
                              latitude float8, longitude float8, exact_location boolean, observed_at timestamptz)
"""


@dataclass(frozen=True)
class Card:
    property_id: str
    source_url: str
    internal_id: str
    title: str
    property_type: str
    latitude: float
    longitude: float
    exact: bool
    observed: datetime


def rows(ground: Ground) -> Iterator[Row]:
    known = KNOWN_LARGE if ground.large else KNOWN
    ground.say(f"a manifest of {known:,} cards")
    with ground.engine("bench_cards") as engine:
        _fill(engine, known)
        dealer = Dealer(known)
        rates: dict[int, list[tuple[float, float]]] = {size: [] for size, _, _ in SIZES}
        for turn in range(ROUNDS):
            ground.say(f"manifest upsert and COPY, round {turn + 1} of {ROUNDS}")
            for size, commits, _ in SIZES:
                rates[size].append(_round(engine, dealer, size, commits))
    share = f"97 % unchanged, 2 % changed, 1 % new, into {known:,} rows"
    for size, _, target in SIZES:
        yield paired(
            f"manifest upsert, {size} cards a commit",
            rates[size],
            target=target,
            better="higher",
            measure="rows/s",
            against="rows/s, COPY into a bare table",
            note=f"{share}; each commit waits for the disk, of the COPY as well",
        )
    by_page, by_many = rates[SIZES[0][0]], rates[SIZES[1][0]]
    yield paired(
        f"manifest upsert, {SIZES[1][0]} cards a commit / COPY by {SIZES[0][0]}",
        [(ours, copied) for (ours, _), (_, copied) in zip(by_many, by_page, strict=True)],
        target=SIZES[1][2],
        better="higher",
        measure="rows/s",
        against="rows/s, COPY, page by page",
        note=share,
    )


def _fill(engine: Engine, known: int) -> None:
    with engine.begin() as connection:
        connection.execute(text(_FILL), {"start": START, "known": known})
        connection.execute(text(_FILL_SIGHTINGS), {"start": START, "known": known})
        connection.execute(text(_COPIED))
    maintain(engine, "property_manifest", "manifest_sightings")


class Dealer:
    """Deals cards as a portal shows them, each listing at most once a round."""

    def __init__(self, known: int) -> None:
        self._known = known
        self._born = known
        self._random = Random(7)  # noqa: S311 - invented listings, not secrets
        self._renamed: dict[int, int] = {}
        self._rounds = 0

    def deal(self, count: int) -> list[Card]:
        self._rounds += 1
        new, changed = round(count * NEW), round(count * CHANGED)
        old = self._random.sample(range(1, self._known + 1), count - new)
        for number in old[:changed]:
            self._renamed[number] = self._rounds
        numbers = old + list(range(self._born + 1, self._born + 1 + new))
        self._born += new
        self._random.shuffle(numbers)
        return [self._card(number) for number in numbers]

    def _card(self, number: int) -> Card:
        renamed = self._renamed.get(number)
        return Card(
            f"pincali:EB-B{number}",
            f"https://www.pincali.com/en/home/house-number-{number}",
            str(5_000_000 + number),
            f"House number {number} with a garden and two parking spaces" + (f", text {renamed}" if renamed else ""),
            "house",
            # As the server, which reckons in decimals: a last digit that differs would be a change.
            round(19 + number * 1e-6, 6),
            round(-99 - number * 1e-6, 6),
            True,
            START + timedelta(hours=self._rounds),
        )


def _round(engine: Engine, dealer: Dealer, size: int, commits: int) -> tuple[float, float]:
    """Rows/s of both."""
    cards = dealer.deal(size * commits)
    batches = [cards[start : start + size] for start in range(0, len(cards), size)]
    with engine.connect() as connection:
        written: list[int] = []
        ours = seconds(lambda: written.append(_upsert(connection, batches)))
        if written != [round(len(cards) * NEW) + round(len(cards) * CHANGED)]:
            raise RuntimeError(f"{written} of {len(cards)} cards were written")
        other = seconds(lambda: _copy(connection, batches))
        connection.execute(text("TRUNCATE copied"))
        connection.commit()
    return len(cards) / ours, len(cards) / other


def _upsert(connection: Connection, batches: Sequence[Sequence[Card]]) -> int:
    written = 0
    for batch in batches:
        rows = connection.execute(
            statement("manifest_upsert"),
            {
                "portal": PORTAL,
                "session_id": None,
                "property_ids": [card.property_id for card in batch],
                "source_urls": [card.source_url for card in batch],
                "internal_ids": [card.internal_id for card in batch],
                "titles": [card.title for card in batch],
                "types": [card.property_type for card in batch],
                "latitudes": [card.latitude for card in batch],
                "longitudes": [card.longitude for card in batch],
                "exact": [card.exact for card in batch],
                "observed": [card.observed for card in batch],
            },
        ).all()
        written += len(rows)
        connection.commit()
    return written


def _copy(connection: Connection, batches: Sequence[Sequence[Card]]) -> None:
    driver: Any = connection.connection.driver_connection
    for batch in batches:
        with driver.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as copy:
            for card in batch:
                copy.write_row(
                    (
                        card.property_id,
                        card.source_url,
                        card.internal_id,
                        card.title,
                        card.property_type,
                        card.latitude,
                        card.longitude,
                        card.exact,
                        card.observed,
                    )
                )
        connection.commit()
