"""Whether a database adds up after whatever was done to the processes that write it: nothing lost, nothing twice, no lie."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from propspider.lab.truth import Fact

MOST_NAMED = 5
"""Rows of one imbalance that are named."""


@dataclass(frozen=True)
class Imbalance:
    """`rows` name what does not add up, at most MOST_NAMED of `count`."""

    name: str
    count: int
    rows: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {self.count - len(self.rows)} more" if self.count > len(self.rows) else ""
        return f"{self.name}: {', '.join(self.rows)}{more}"


CHECKS: Mapping[str, str] = {
    # Nothing is lost.
    "a listing of a stored page is not in the manifest": """
        SELECT DISTINCT u.id FROM sweep_pages p CROSS JOIN unnest(p.property_ids) AS u (id)
        WHERE NOT EXISTS (SELECT 1 FROM property_manifest m WHERE m.property_id = u.id)""",
    "a listing of a stored page is not sighted": """
        SELECT DISTINCT u.id FROM sweep_pages p JOIN sweeps w ON w.id = p.sweep_id CROSS JOIN unnest(p.property_ids) AS u (id)
        WHERE NOT EXISTS (SELECT 1 FROM manifest_sightings s
                          WHERE s.property_id = u.id AND s.scope = w.scope AND s.last_seen_at >= p.observed_at)""",
    "a listing of the manifest has no state": """
        SELECT m.property_id FROM property_manifest m
        WHERE NOT EXISTS (SELECT 1 FROM property_state s WHERE s.property_id = m.property_id)""",
    "a row of the queue is completed and its page is not stored": """
        SELECT q.property_id FROM scrape_queue q
        WHERE q.status = 'completed' AND q.kind = 'detail'
          AND NOT EXISTS (SELECT 1 FROM property_state s JOIN properties_live l ON l.property_id = s.property_id
                          WHERE s.property_id = q.property_id AND s.observed_at >= q.claimed_at)""",
    "a stored page has no live row": """
        SELECT s.property_id FROM property_scrapes_staging s
        WHERE NOT EXISTS (SELECT 1 FROM properties_live l WHERE l.property_id = s.property_id)""",
    "a live row was never created": """
        SELECT l.property_id FROM properties_live l
        WHERE NOT EXISTS (SELECT 1 FROM property_changes c WHERE c.property_id = l.property_id AND c.change_type = 'created')""",
    "a created row is not live": """
        SELECT c.property_id FROM property_changes c
        WHERE c.change_type = 'created' AND NOT EXISTS (SELECT 1 FROM properties_live l WHERE l.property_id = c.property_id)""",
    # Nothing is there twice.
    "a listing was created twice": """
        SELECT property_id FROM property_changes WHERE change_type = 'created' GROUP BY property_id HAVING count(*) > 1""",
    "one read of a page is stored twice": """
        SELECT property_id FROM property_scrapes_staging GROUP BY property_id, observed_at HAVING count(*) > 1""",
    "one read of a listing page is stored twice": """
        SELECT url FROM sweep_pages GROUP BY url, observed_at HAVING count(*) > 1""",
    "a change is told twice": """
        SELECT property_id || '.' || field_name FROM property_changes WHERE field_name IS NOT NULL
        GROUP BY property_id, field_name, observed_at, old_value, new_value HAVING count(*) > 1""",
    # History leads from the first row to the live one, without a gap.
    "history does not lead to the live value": """
        WITH told AS (
            SELECT c.*, lag(c.new_value) OVER w AS before, lag(c.id) OVER w IS NULL AS is_first,
                   lead(c.id) OVER w IS NULL AS is_last
            FROM property_changes c WHERE c.field_name IS NOT NULL AND c.field_name <> 'listing_status'
            WINDOW w AS (PARTITION BY c.property_id, c.field_name ORDER BY c.id)
        )
        SELECT t.property_id || '.' || t.field_name
        FROM told t
        JOIN property_changes f ON f.property_id = t.property_id AND f.change_type = 'created'
        JOIN properties_live l ON l.property_id = t.property_id
        WHERE nullif(t.old_value, 'null') IS DISTINCT FROM
                  nullif(CASE WHEN t.is_first THEN f.new_value -> t.field_name ELSE t.before END, 'null')
           OR (t.is_last AND nullif(t.new_value, 'null') IS DISTINCT FROM nullif(to_jsonb(l) -> t.field_name, 'null'))""",
    # What was claimed is back.
    "a row of the queue is in progress with nobody": """
        SELECT property_id || ' of ' || coalesce(claimed_by, 'nobody') FROM scrape_queue WHERE status = 'in_progress'""",
    "a session is running with nobody": "SELECT spider || ' ' || id FROM scraping_sessions WHERE status = 'running'",
    "a sweep is running with nobody": "SELECT scope || ' ' || id FROM sweeps WHERE status = 'running' OR verdict IS NULL",
    "a session's metadata did not end with it": """
        SELECT session_id::text FROM sync_metadata WHERE sync_status IN ('pending', 'running')""",
    # The runs tell the truth.
    "a run is running with nobody": "SELECT coalesce(tier_name, 'no tier') || ' ' || id FROM sync_runs WHERE status = 'running'",
    "a run failed and does not say why": """
        SELECT coalesce(tier_name, 'no tier') || ' ' || id FROM sync_runs
        WHERE status <> 'completed' AND error_summary IS NULL""",
    "a run is completed and did not do its steps": """
        SELECT tier_name || ' ' || id FROM sync_runs
        WHERE status = 'completed' AND metadata ? 'steps' AND NOT (metadata -> 'done') @> (metadata -> 'steps')""",
    "a run is completed and its last crawl of a kind is not": """
        SELECT tier_name || ' ' || id FROM sync_runs r
        WHERE status = 'completed' AND EXISTS (
            SELECT 1 FROM (SELECT DISTINCT ON (spider) status FROM scraping_sessions s WHERE s.sync_run_id = r.id
                           ORDER BY spider, started_at DESC, status = 'running' DESC, heartbeat_at DESC) last
            WHERE last.status <> 'completed')""",
    "a run's counters are not those of its sessions": """
        SELECT coalesce(r.tier_name, 'no tier') || ' ' || r.id
        FROM sync_runs r
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(s.pages_fetched), 0) AS pages, coalesce(sum(s.items_stored), 0) AS stored,
                   coalesce(sum(s.error_count), 0) AS errors, coalesce(sum(m.updated_properties), 0) AS updated,
                   coalesce(sum(m.price_changes), 0) AS prices, coalesce(sum(m.removed_properties), 0) AS removed,
                   coalesce(sum(m.new_properties) FILTER (WHERE s.spider = 'manifest'), 0) AS found,
                   coalesce(sum(m.queued_properties), 0) AS queued
            FROM scraping_sessions s JOIN sync_metadata m ON m.session_id = s.id WHERE s.sync_run_id = r.id
        ) t
        WHERE (r.pages_scanned, r.properties_scraped, r.error_count, r.properties_updated, r.price_changes_detected,
               r.removals_confirmed, r.new_properties_found)
              <> (t.pages, t.stored, t.errors, t.updated, t.prices, t.removed, t.found)
           OR r.properties_queued < t.queued""",
    "a session's counters are not those of its rows": """
        SELECT s.spider || ' ' || s.id
        FROM scraping_sessions s JOIN sync_metadata m ON m.session_id = s.id
        WHERE s.error_count <> (SELECT count(*) FROM scraping_errors e WHERE e.session_id = s.id)
           OR s.items_stored <> m.stored_properties
           OR m.stored_properties < (SELECT count(*) FROM property_scrapes_staging g WHERE g.session_id = s.id)
           OR (s.spider <> 'manifest' AND m.new_properties <> (SELECT count(*) FROM property_changes c
                                                               WHERE c.session_id = s.id AND c.change_type = 'created'))""",
    "pages of listing pages are not as many as the sessions say": """
        SELECT t.counted || ' counted, ' || t.kept || ' kept'
        FROM (SELECT (SELECT coalesce(sum(pages_fetched), 0) FROM scraping_sessions WHERE spider = 'manifest') AS counted,
                     (SELECT count(*) FROM sweep_pages) AS kept) t
        WHERE t.counted <> t.kept""",
    "a run has no sample of its portal, or two": """
        SELECT r.tier_name || ' ' || r.id FROM sync_runs r
        WHERE r.metadata ? 'host' AND r.status = 'completed'
          AND (SELECT count(*) FROM metric_samples s WHERE s.sync_run_id = r.id) <> 1""",
}
"""Each gives one text column: the names of rows that do not add up. For a database that nobody writes to any more."""


def balance(
    connection: Connection,
    portal: str,
    facts: Mapping[str, Fact],
    *,
    removed: Collection[str],
    pages_served: int,
    cut_off: Collection[str],
) -> list[Imbalance]:
    """`facts` by public id, as the portal is now; `removed`: public ids that were ever gone; `pages_served`: of listings' own
    pages; `cut_off`: ids of runs whose runner was killed under them.
    """
    found = {name: [str(row[0]) for row in connection.execute(text(check))] for name, check in CHECKS.items()}
    shown = {f"{portal}:{public_id}": fact for public_id, fact in facts.items() if fact.is_shown}
    live = {row.property_id: row for row in connection.execute(text(_LIVE), {"portal": portal})}
    gone = {f"{portal}:{public_id}" for public_id in removed}
    found |= {
        "a listing that is shown is not live": sorted(shown.keys() - live.keys()),
        "a listing is live that never was": sorted(live.keys() - {f"{portal}:{one}" for one in facts} - gone),
        "a live row is not as its page": sorted(_differing(shown, live)),
        "a removal is false": sorted(_falsely_removed(connection, portal, gone, shown)),
        "more pages are stored than were served": _beyond(connection, pages_served),
        "a run that was cut off does not say so": sorted(_silent(connection, cut_off)),
    }
    return [Imbalance(name, len(rows), tuple(rows[:MOST_NAMED])) for name, rows in found.items() if rows]


_LIVE = "SELECT property_id, title, source_url, offers, status FROM properties_live WHERE portal = :portal"
_OFFER_KEYS = ("operation", "unit", "amount", "currency")


def _differing(shown: Mapping[str, Fact], live: Mapping[str, Row[Any]]) -> Iterator[str]:
    for property_id, fact in shown.items():
        row = live.get(property_id)
        if row is None:
            continue
        stated = {
            (o.operation.value, o.unit.value, None if o.amount is None else float(o.amount), o.currency) for o in fact.offers
        }
        kept = {tuple(_plain(offer.get(key)) for key in _OFFER_KEYS) for offer in row.offers}
        if kept != stated:
            yield f"{property_id} offers {sorted(map(str, kept))} for {sorted(map(str, stated))}"
        elif row.title != fact.title or not row.source_url.endswith(f"/{fact.slug}"):
            yield f"{property_id} title or address"


def _plain(value: object) -> object:
    return float(value) if isinstance(value, int | float) else value


def _falsely_removed(connection: Connection, portal: str, gone: Collection[str], shown: Mapping[str, Fact]) -> Iterator[str]:
    """Ever told of a listing that never went, or still told of one that is there."""
    told = text("SELECT DISTINCT property_id FROM property_changes WHERE portal = :portal AND change_type = 'removed'")
    for (property_id,) in connection.execute(told, {"portal": portal}):
        if property_id not in gone:
            yield property_id
    hidden = text("SELECT property_id FROM properties_live WHERE portal = :portal AND status <> 'active'")
    for (property_id,) in connection.execute(hidden, {"portal": portal}):
        if property_id in shown:
            yield f"{property_id}, which is shown"


def _beyond(connection: Connection, pages_served: int) -> list[str]:
    stored = connection.execute(text("SELECT coalesce(sum(items_stored), 0) FROM scraping_sessions")).scalar_one()
    return [f"{stored} stored, {pages_served} served"] if stored > pages_served else []


def _silent(connection: Connection, cut_off: Collection[str]) -> Iterator[str]:
    told = text(
        """SELECT tier_name || ' ' || id FROM sync_runs
           WHERE id = ANY (CAST(:ids AS uuid[])) AND NOT metadata ? 'taken_up'
             AND coalesce(error_summary, '') NOT LIKE 'its runner died at step%'
             AND coalesce(error_summary, '') NOT LIKE 'cut off at step%'"""
    )
    return (row[0] for row in connection.execute(told, {"ids": list(cut_off)}))
