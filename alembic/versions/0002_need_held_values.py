"""Need as state, held and missing offers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

QUEUE_STEP = """CREATE FUNCTION queue_step(priority integer) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (ARRAY[interval '0', interval '1 hour', interval '6 hours', interval '3 days', interval '7 days'])[priority] $$"""

MANIFEST_STATUS = """
SELECT m.property_id,
       m.portal,
       m.source_url,
       m.listing_page_title,
       price.amount AS listing_page_price,
       price.currency AS listing_page_currency,
       m.first_seen_at,
       seen.last_seen_at,
       sweep.session_id AS seen_in_session_id,
       state.observed_at IS NULL AS is_new,
       coalesce(state.price_moved_at > state.observed_at, false) AS price_changed,
       state.observed_at IS NULL OR coalesce(state.price_moved_at > state.observed_at, false) AS needs_full_scrape
FROM property_manifest m
LEFT JOIN property_state state ON state.property_id = m.property_id
LEFT JOIN LATERAL (
    SELECT max(s.last_seen_at) AS last_seen_at, max(s.last_sweep) AS last_sweep
    FROM manifest_sightings s WHERE s.property_id = m.property_id
) seen ON true
LEFT JOIN sweeps sweep ON sweep.id = seen.last_sweep
LEFT JOIN LATERAL (
    SELECT (array_agg(o.amount ORDER BY o.unit DESC, o.operation DESC))[1] AS amount,
           (array_agg(o.currency ORDER BY o.unit DESC, o.operation DESC))[1] AS currency
    FROM property_offers o WHERE o.property_id = m.property_id AND NOT o.is_withdrawn
) price ON true
"""

PROPERTY_FRESHNESS = """
SELECT l.property_id,
       l.portal,
       l.listing_status,
       seen.last_seen_at AS last_manifest_seen_at,
       greatest(seen.last_seen_at, state.observed_at) AS last_seen_at,
       sweep.session_id AS seen_in_session_id,
       seen.page_number,
       coalesce(seen.missing, 0) AS consecutive_missing_count,
       state.observed_at AS last_full_scrape_at,
       state.last_attempt_at,
       price.amount AS price_at_last_manifest,
       CASE
           WHEN l.listing_status = 'relisted' THEN 1
           WHEN state.price_moved_at > state.observed_at THEN 2
           WHEN coalesce(seen.missing, 0) > 0 THEN 3
           WHEN state.observed_at < (SELECT app_now()) - interval '30 days' THEN 4
           ELSE 5
       END AS scrape_priority,
       floor(extract(epoch FROM (SELECT app_now()) - state.observed_at) / 86400)::integer AS data_staleness_days
FROM properties_live l
LEFT JOIN property_state state ON state.property_id = l.property_id
LEFT JOIN LATERAL (
    SELECT max(s.last_seen_at) AS last_seen_at,
           max(s.last_sweep) AS last_sweep,
           (array_agg(s.page_number ORDER BY s.last_seen_at DESC))[1] AS page_number,
           min((SELECT count(*) FROM sweeps w
                WHERE w.portal = s.portal AND w.scope = s.scope AND w.id > s.last_sweep AND w.verdict = 'complete')) AS missing
    FROM manifest_sightings s WHERE s.property_id = l.property_id
) seen ON true
LEFT JOIN sweeps sweep ON sweep.id = seen.last_sweep
LEFT JOIN LATERAL (
    SELECT (array_agg(o.amount ORDER BY o.operation = l.operation_type DESC NULLS LAST, o.unit DESC))[1] AS amount
    FROM property_offers o WHERE o.property_id = l.property_id AND NOT o.is_withdrawn
) price ON true
"""

OLD_MANIFEST_STATUS = """
SELECT m.property_id,
       m.portal,
       m.source_url,
       m.listing_page_title,
       price.amount AS listing_page_price,
       price.currency AS listing_page_currency,
       m.first_seen_at,
       seen.last_seen_at,
       sweep.session_id AS seen_in_session_id,
       state.observed_at IS NULL AS is_new,
       coalesce(price.changed, false) AS price_changed,
       state.observed_at IS NULL OR coalesce(price.changed, false) AS needs_full_scrape
FROM property_manifest m
LEFT JOIN property_state state ON state.property_id = m.property_id
LEFT JOIN LATERAL (
    SELECT max(s.last_seen_at) AS last_seen_at, max(s.last_sweep) AS last_sweep
    FROM manifest_sightings s WHERE s.property_id = m.property_id
) seen ON true
LEFT JOIN sweeps sweep ON sweep.id = seen.last_sweep
LEFT JOIN LATERAL (
    SELECT (array_agg(o.amount ORDER BY o.unit DESC, o.operation DESC))[1] AS amount,
           (array_agg(o.currency ORDER BY o.unit DESC, o.operation DESC))[1] AS currency,
           bool_or(o.source = 'manifest' AND o.observed_at > state.observed_at) AS changed
    FROM property_offers o WHERE o.property_id = m.property_id
) price ON true
"""

OLD_PROPERTY_FRESHNESS = """
SELECT l.property_id,
       l.portal,
       l.listing_status,
       seen.last_seen_at AS last_manifest_seen_at,
       greatest(seen.last_seen_at, state.observed_at) AS last_seen_at,
       sweep.session_id AS seen_in_session_id,
       seen.page_number,
       coalesce(seen.missing, 0) AS consecutive_missing_count,
       state.observed_at AS last_full_scrape_at,
       state.last_attempt_at,
       price.amount AS price_at_last_manifest,
       CASE
           WHEN l.listing_status = 'relisted' THEN 1
           WHEN coalesce(price.changed, false) THEN 2
           WHEN coalesce(seen.missing, 0) > 0 THEN 3
           WHEN state.observed_at < (SELECT app_now()) - interval '30 days' THEN 4
           ELSE 5
       END AS scrape_priority,
       floor(extract(epoch FROM (SELECT app_now()) - state.observed_at) / 86400)::integer AS data_staleness_days
FROM properties_live l
LEFT JOIN property_state state ON state.property_id = l.property_id
LEFT JOIN LATERAL (
    SELECT max(s.last_seen_at) AS last_seen_at,
           max(s.last_sweep) AS last_sweep,
           (array_agg(s.page_number ORDER BY s.last_seen_at DESC))[1] AS page_number,
           min((SELECT count(*) FROM sweeps w
                WHERE w.portal = s.portal AND w.scope = s.scope AND w.id > s.last_sweep AND w.verdict = 'complete')) AS missing
    FROM manifest_sightings s WHERE s.property_id = l.property_id
) seen ON true
LEFT JOIN sweeps sweep ON sweep.id = seen.last_sweep
LEFT JOIN LATERAL (
    SELECT (array_agg(o.amount ORDER BY o.operation = l.operation_type DESC NULLS LAST, o.unit DESC))[1] AS amount,
           bool_or(o.source = 'manifest' AND o.observed_at > state.observed_at) AS changed
    FROM property_offers o WHERE o.property_id = l.property_id
) price ON true
"""


def upgrade() -> None:
    op.execute("DROP VIEW manifest_status")
    op.execute("DROP VIEW property_freshness")
    op.execute(QUEUE_STEP)
    op.add_column("property_offers", sa.Column("missing_since", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("property_offers", sa.Column("missing_source", sa.Text(), nullable=True))
    op.add_column("property_offers", sa.Column("is_withdrawn", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("property_offers", sa.Column("held_kind", sa.Text(), nullable=True))
    op.add_column("property_offers", sa.Column("held_amount", sa.Numeric(precision=15, scale=2), nullable=True))
    op.add_column("property_offers", sa.Column("held_amount_max", sa.Numeric(precision=15, scale=2), nullable=True))
    op.add_column("property_offers", sa.Column("held_currency", sa.Text(), nullable=True))
    op.add_column("property_offers", sa.Column("held_observed_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("property_offers", sa.Column("held_source", sa.Text(), nullable=True))
    op.add_column("property_offers", sa.Column("held_reason", sa.Text(), nullable=True))
    op.add_column("property_offers", sa.Column("held_rejected", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "ix_property_offers_held",
        "property_offers",
        ["held_observed_at"],
        unique=False,
        postgresql_where=sa.text("held_reason IS NOT NULL"),
    )
    op.add_column(
        "property_state",
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
    )
    op.add_column("property_state", sa.Column("price_moved_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("property_state", sa.Column("given_up_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.create_index(
        "ix_property_state_changed",
        "property_state",
        ["portal", "price_moved_at"],
        unique=False,
        postgresql_where=sa.text("price_moved_at > observed_at"),
    )
    op.create_index(
        "ix_property_state_new",
        "property_state",
        ["portal", "created_at"],
        unique=False,
        postgresql_where=sa.text("observed_at IS NULL AND given_up_at IS NULL"),
    )
    op.create_index(
        "ix_property_state_stale",
        "property_state",
        ["portal", "observed_at"],
        unique=False,
        postgresql_where=sa.text("observed_at IS NOT NULL"),
    )
    op.add_column("scrape_queue", sa.Column("wanted_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("sync_metadata", sa.Column("held_values", sa.Integer(), server_default=sa.text("0"), nullable=False))

    op.drop_constraint(op.f("ck_scraping_errors_error_type"), "scraping_errors", type_="check")
    op.create_check_constraint(
        op.f("ck_scraping_errors_error_type"),
        "scraping_errors",
        "error_type IN ('download', 'http_status', 'blocked', 'login', 'gone', 'off_site', 'robots', 'wrong_page', 'unreadable', 'empty_page', 'card', 'page_gate', 'other_listing', 'validation', 'parse', 'store')",
    )
    op.create_check_constraint(
        op.f("ck_property_offers_held"), "property_offers", "(held_reason IS NULL) = (held_observed_at IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_property_offers_held_reason"), "property_offers", "held_reason IN ('price_move', 'currency')"
    )
    op.execute(f"CREATE VIEW manifest_status AS {MANIFEST_STATUS}")
    op.execute(f"CREATE VIEW property_freshness AS {PROPERTY_FRESHNESS}")


def downgrade() -> None:
    op.execute("DROP VIEW manifest_status")
    op.execute("DROP VIEW property_freshness")
    op.execute("DELETE FROM scraping_errors WHERE error_type = 'page_gate'")
    op.drop_constraint(op.f("ck_scraping_errors_error_type"), "scraping_errors", type_="check")
    op.create_check_constraint(
        op.f("ck_scraping_errors_error_type"),
        "scraping_errors",
        "error_type IN ('download', 'http_status', 'blocked', 'login', 'gone', 'off_site', 'robots', 'wrong_page', 'unreadable', 'empty_page', 'card', 'other_listing', 'validation', 'parse', 'store')",
    )
    op.drop_column("sync_metadata", "held_values")
    op.drop_column("scrape_queue", "wanted_at")
    op.drop_index("ix_property_state_stale", table_name="property_state", postgresql_where=sa.text("observed_at IS NOT NULL"))
    op.drop_index(
        "ix_property_state_new",
        table_name="property_state",
        postgresql_where=sa.text("observed_at IS NULL AND given_up_at IS NULL"),
    )
    op.drop_index(
        "ix_property_state_changed", table_name="property_state", postgresql_where=sa.text("price_moved_at > observed_at")
    )
    op.drop_column("property_state", "given_up_at")
    op.drop_column("property_state", "price_moved_at")
    op.drop_column("property_state", "created_at")
    op.drop_index("ix_property_offers_held", table_name="property_offers", postgresql_where=sa.text("held_reason IS NOT NULL"))
    op.drop_column("property_offers", "held_rejected")
    op.drop_column("property_offers", "held_reason")
    op.drop_column("property_offers", "held_source")
    op.drop_column("property_offers", "held_observed_at")
    op.drop_column("property_offers", "held_currency")
    op.drop_column("property_offers", "held_amount_max")
    op.drop_column("property_offers", "held_amount")
    op.drop_column("property_offers", "held_kind")
    op.drop_column("property_offers", "is_withdrawn")
    op.drop_column("property_offers", "missing_source")
    op.drop_column("property_offers", "missing_since")
    op.execute(f"CREATE VIEW manifest_status AS {OLD_MANIFEST_STATUS}")
    op.execute(f"CREATE VIEW property_freshness AS {OLD_PROPERTY_FRESHNESS}")
    op.execute("DROP FUNCTION queue_step(integer)")
