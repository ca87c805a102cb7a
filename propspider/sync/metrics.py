"""One sample a tier run, so that trends exist; tier_metrics, queue_metrics, freshness_metrics and removal_metrics read them."""

import uuid
from decimal import Decimal

from sqlalchemy import Connection, select

from propspider.db.models import ScrapingSession
from propspider.sync import conditions, statement


def take_sample(connection: Connection, portal: str, sync_run_id: uuid.UUID) -> int | None:
    """Id of the run's sample, to be taken when the run has ended; None when it has one already, or there is no such run.
    The caller commits.
    """
    sessions = list(connection.execute(select(ScrapingSession.id).where(ScrapingSession.sync_run_id == sync_run_id)).scalars())
    requests = conditions.requests_of(connection, sessions)
    asked, well = sum(one.asked for one in requests), sum(one.read_well for one in requests)
    parameters = {
        "run_id": sync_run_id,
        "portal": portal,
        "success_rate": (Decimal(well) / Decimal(asked)).quantize(Decimal("0.01")) if asked else None,
    }
    return connection.execute(statement("metric_sample"), parameters).scalar()
