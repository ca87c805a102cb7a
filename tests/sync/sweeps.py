"""Sweeps that saw some listings, and batches that asked for others."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine

from propspider.evidence import Control, Finding, Look, Method, VerificationBatch, VerificationItem
from propspider.items import Claim, Operation
from propspider.sync import queue
from propspider.sync.arrivals import record_pages
from propspider.sync.quarantine import Usual
from propspider.sync.removals import open_cases
from propspider.sync.runs import Counts, SessionRef
from propspider.sync.verification import record_batch
from tests.builders import PORTAL, at, entry, listing, new_session, one, page, rows, run, scalar, url_of

SCOPES = {"sale": Operation.SALE, "rent": Operation.RENT}
USUAL = Usual(share=0.05, at_least=5)
DAY = 24 * 60
HISTORY = (
    "SELECT old_value, new_value, change_type, change_reason FROM property_changes"
    " WHERE field_name = 'listing_status' ORDER BY id"
)


def contents(engine: Engine, *more: str) -> dict[str, object]:
    tables = ("properties_live", "removal_cases", "property_changes", "property_offers", "url_aliases", *more)
    return {table: rows(engine, f"SELECT * FROM {table} ORDER BY 1") for table in tables}  # noqa: S608


def history(engine: Engine) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in rows(engine, HISTORY)]


def sweep(
    engine: Engine, minute: float, *, verdict: str | None = "complete", covers_all: bool = True, **seen: Sequence[int]
) -> SessionRef:
    """A walk of each scope named, which saw these listings without a price; it began at `minute` and took five."""
    session = new_session(engine)
    pages = [
        page(*(entry(number, offers=None) for number in numbers), scope=scope, minute=minute + 1)
        for scope, numbers in seen.items()
    ]
    with engine.begin() as connection:
        record_pages(connection, session, pages, pages_wanted=0)
    run(
        engine,
        "UPDATE sweeps SET verdict = :verdict, covers_all = :all, status = 'finished', started_at = :began, completed_at = :ended"
        " WHERE session_id = :session",
        verdict=verdict,
        all=covers_all,
        began=at(minute),
        ended=at(minute + 5),
        session=session.id,
    )
    return session


def suspect(engine: Engine, *, min_missing: int = 2) -> int:
    with engine.begin() as connection:
        return open_cases(connection, PORTAL, min_missing=min_missing, scopes=SCOPES)


def claims(engine: Engine, *numbers: int) -> list[Claim]:
    session = new_session(engine, "verify")
    found = []
    with engine.begin() as connection:
        for number in numbers:
            (row,) = queue.claim(
                connection,
                PORTAL,
                batch=1,
                worker="test",
                session_id=session.id,
                lease_seconds=600,
                kind="verify",
                property_id=listing(number),
            )
            found.append(row.claim)
    return found


def look(finding: Finding | str, *, minute: float = 3 * DAY, method: Method = "GET", number: int = 1) -> Look:
    return Look(method, Finding(finding), url_of(listing(number)), at(minute))


def controls(alive: str = "alive", dead: str = "gone", *, minute: float = 3 * DAY) -> tuple[Control, ...]:
    made: list[Control] = []
    for place in ("opening", "closing"):
        made += [Control(place, look(alive, minute=minute), listing(900 + index)) for index in range(2)]  # type: ignore[arg-type]
        made.append(Control(place, look(dead, minute=minute)))  # type: ignore[arg-type]
    return tuple(made)


def verify(
    engine: Engine,
    findings: dict[int, str],
    *,
    minute: float = 3 * DAY,
    around: tuple[Control, ...] | None = None,
    usual: Usual = USUAL,
    session: SessionRef | None = None,
) -> Counts:
    """A batch that found these of the listings, whose rows are claimed for it."""
    taken = claims(engine, *findings)
    items = [
        VerificationItem(claim, (look(finding, minute=minute, number=number),))
        for claim, (number, finding) in zip(taken, findings.items(), strict=True)
    ]
    batch = VerificationBatch(PORTAL, tuple(items), around if around is not None else controls(minute=minute))
    with engine.begin() as connection:
        return record_batch(connection, session or new_session(engine, "verify"), batch, usual)


def status(engine: Engine, number: int = 1) -> str:
    found: str = scalar(engine, "SELECT listing_status FROM properties_live WHERE property_id = :id", id=listing(number))
    return found


def case(engine: Engine, number: int = 1) -> dict[str, object]:
    return one(engine, "SELECT * FROM removal_cases WHERE property_id = :id", id=listing(number))


def ended(minute: float) -> datetime:
    return at(minute) + timedelta(minutes=5)
