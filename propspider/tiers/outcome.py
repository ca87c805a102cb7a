"""A run's row as a result."""

import uuid

from sqlalchemy import Connection, func, select

from propspider.db.models import SyncRun
from propspider.sync import tier_runs
from propspider.tiers.result import QueueProcessResult, TierResult


def of_run(connection: Connection, run_id: uuid.UUID) -> TierResult:
    """Of a run that is still open: so far."""
    took = func.extract("epoch", func.coalesce(SyncRun.completed_at, func.app_now()) - SyncRun.started_at)
    row = connection.execute(select(*SyncRun.__table__.columns, took.label("took")).where(SyncRun.id == run_id)).one()
    details = [crawl for crawl in tier_runs.crawls(connection, run_id) if crawl.spider == "detail"]
    handled, stored = sum(crawl.handled for crawl in details), sum(crawl.stored for crawl in details)
    return TierResult(
        run_id=run_id,
        portal=row.portal,
        tier_level=row.tier_level,
        tier_name=row.tier_name,
        status=row.status,
        pages_scanned=row.pages_scanned,
        properties_in_manifest=row.properties_in_manifest,
        new_properties=row.new_properties_found,
        price_changes=row.price_changes_detected,
        removals_detected=row.removals_detected,
        removals_confirmed=row.removals_confirmed,
        properties_queued=row.properties_queued,
        properties_scraped=row.properties_scraped,
        duration_seconds=float(row.took),
        queue=QueueProcessResult(
            processed=handled,
            succeeded=stored,
            failed=max(0, handled - stored),
            duration_seconds=sum(crawl.seconds for crawl in details),
        ),
        errors=row.error_summary.split("; ") if row.error_summary else [],
        notes=list(row.metadata.get("notes", [])),
    )
