"""What a page does not state and live has: kept, marked, and cleared when a day later the page still lacks it.

A null that is not stated may be the page's or the parser's: it counts only in sessions whose pages have the field about as often
as usual. The caller holds the listings' locks and commits.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from propspider.db.prepared import run
from propspider.items import PropertyItem
from propspider.sync import coverage, statement
from propspider.sync.compare import unstated_nulls
from propspider.sync.runs import SessionRef
from propspider.sync.staging import observed

MISSING_FOR = timedelta(hours=24)
Marks = Mapping[str, datetime]


def decide(lacking: Collection[str], marks: Marks, at: datetime, healthy: Collection[str]) -> tuple[list[str], Marks]:
    """Which fields are cleared by a page of `at` that lacks these, and the marks from then on. Pure."""
    cleared = [name for name in lacking if name in healthy and name in marks and at - marks[name] >= MISSING_FOR]
    begun = {name: at for name in lacking if name in healthy}
    kept = {name: since for name, since in marks.items() if name in lacking}
    return cleared, {name: since for name, since in (begun | kept).items() if name not in cleared}


def settle(connection: Connection, session: SessionRef, staged: Collection[str], pages: Mapping[str, PropertyItem]) -> set[str]:
    """Marks what `staged` pages lack, and has the comparison clear what was missed long enough. The listings that are to be
    compared again even if they read the same. `pages`: all of the flush.
    """
    if not staged:
        return set()
    found = run(connection, unstated_nulls(), {"session_id": session.id, "property_ids": list(staged)})
    if not found:
        return set()
    healthy = coverage.healthy(connection, session.id, session.portal, pages.values())
    cleared, noted, unsettled = {}, {}, set()
    for property_id, lacking, marks in found:
        known = {name: datetime.fromisoformat(since) for name, since in (marks or {}).items()}
        gone, kept = decide(lacking, known, observed(pages[property_id]), healthy)
        if gone:
            cleared[property_id] = ",".join(gone)
        if kept != known:
            noted[property_id] = json.dumps({name: since.isoformat() for name, since in kept.items()}) if kept else None
        if len(gone) < len(lacking):
            unsettled.add(property_id)
    if cleared:
        parameters = {"session_id": session.id, "property_ids": list(cleared), "names": list(cleared.values())}
        connection.execute(statement("staging_cleared"), parameters)
    if noted:
        connection.execute(statement("missing_note"), {"property_ids": list(noted), "marks": list(noted.values())})
    return unsettled
