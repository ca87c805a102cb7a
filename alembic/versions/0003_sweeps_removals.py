"""Parts and verdicts of sweeps, removal cases, pauses, alerts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SIGHTING_MISSES = """
SELECT s.property_id,
       s.portal,
       s.scope,
       s.last_sweep,
       s.last_seen_at,
       s.page_number,
       misses.missed,
       misses.missed_sweeps
FROM manifest_sightings s
LEFT JOIN property_manifest m ON m.property_id = s.property_id
LEFT JOIN property_state state ON state.property_id = s.property_id
CROSS JOIN LATERAL (
    SELECT count(*) AS missed, array_agg(w.id ORDER BY w.id DESC) AS missed_sweeps
    FROM sweeps w
    WHERE w.portal = s.portal AND w.scope = s.scope AND w.verdict = 'complete' AND w.id > s.last_sweep
      AND w.started_at > coalesce(greatest(state.observed_at, state.present_at), '-infinity')
      AND (w.covers_all OR EXISTS (
          SELECT 1 FROM sweep_parts p
          WHERE p.sweep_id = w.id AND p.covered
            AND (p.property_type IS NULL OR p.property_type = m.property_type)
            AND (p.place IS NULL OR p.place = s.place)
            AND (p.currency IS NULL OR EXISTS (
                SELECT 1 FROM property_offers o
                WHERE o.property_id = s.property_id AND o.operation = p.operation AND o.unit = 'total'
                  AND o.currency = p.currency AND NOT o.is_withdrawn
                  AND o.amount BETWEEN coalesce(p.price_from, 0) AND coalesce(p.price_to, o.amount)))))
) misses
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
           min(s.missed) AS missing
    FROM sighting_misses s WHERE s.property_id = l.property_id
) seen ON true
LEFT JOIN sweeps sweep ON sweep.id = seen.last_sweep
LEFT JOIN LATERAL (
    SELECT (array_agg(o.amount ORDER BY o.operation = l.operation_type DESC NULLS LAST, o.unit DESC))[1] AS amount
    FROM property_offers o WHERE o.property_id = l.property_id AND NOT o.is_withdrawn
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


def upgrade() -> None:
    op.drop_index("ix_property_scrapes_staging_session_status", table_name="property_scrapes_staging")
    op.execute("DROP VIEW property_freshness")
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("first_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("last_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("acknowledged_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("resolved_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("delivered_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('block', 'sweep_void', 'count_drop', 'filter_ignored', 'quarantine', 'controls_failed', 'tier_overdue', 'backlog', 'error_rate', 'crawl_unusual')",
            name=op.f("ck_alerts_kind"),
        ),
        sa.CheckConstraint("severity IN ('info', 'warning', 'critical')", name=op.f("ck_alerts_severity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(
        "uq_alerts_open", "alerts", ["portal", "kind", "subject"], unique=True, postgresql_where=sa.text("resolved_at IS NULL")
    )
    op.create_table(
        "portal_pauses",
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.Column("paused_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("portal", name=op.f("pk_portal_pauses")),
    )
    op.create_table(
        "url_aliases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("other_property_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("rejected_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'proposed') = (other_property_id IS NOT NULL)", name=op.f("ck_url_aliases_other")),
        sa.CheckConstraint("kind IN ('certain', 'proposed')", name=op.f("ck_url_aliases_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_url_aliases")),
    )
    op.create_index("ix_url_aliases_url", "url_aliases", ["portal", "url"], unique=False)
    op.create_index("uq_url_aliases_url", "url_aliases", ["property_id", "url"], unique=True)
    op.create_table(
        "removal_cases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("sync_run_id", sa.UUID(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('confirmed', 'dismissed')) = (decided_at IS NOT NULL)", name=op.f("ck_removal_cases_decided_at")
        ),
        sa.CheckConstraint(
            "outcome IN ('confirmed_removed', 'sold', 'withdrawn', 'alive')", name=op.f("ck_removal_cases_outcome")
        ),
        sa.CheckConstraint("status IN ('open', 'quarantined', 'confirmed', 'dismissed')", name=op.f("ck_removal_cases_status")),
        sa.ForeignKeyConstraint(
            ["sync_run_id"], ["sync_runs.id"], name=op.f("fk_removal_cases_sync_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removal_cases")),
    )
    op.create_index("ix_removal_cases_decided", "removal_cases", ["portal", "scope", "decided_at"], unique=False)
    op.create_index("ix_removal_cases_property", "removal_cases", ["property_id"], unique=False)
    op.create_index(
        "ix_removal_cases_run", "removal_cases", ["sync_run_id"], unique=False, postgresql_where=sa.text("status = 'quarantined'")
    )
    op.create_index(
        "uq_removal_cases_open",
        "removal_cases",
        ["property_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('open', 'quarantined')"),
    )
    op.create_table(
        "verification_batches",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("controls", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("listings", sa.Integer(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("verdict IN ('valid', 'void')", name=op.f("ck_verification_batches_verdict")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["scraping_sessions.id"], name=op.f("fk_verification_batches_session_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_batches")),
    )
    op.create_table(
        "removal_evidence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("weight", sa.Numeric(precision=4, scale=2), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("redirect_url", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("sweep_id", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.UUID(), nullable=True),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["verification_batches.id"], name=op.f("fk_removal_evidence_batch_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["case_id"], ["removal_cases.id"], name=op.f("fk_removal_evidence_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["scraping_sessions.id"], name=op.f("fk_removal_evidence_session_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removal_evidence")),
    )
    op.create_index("ix_removal_evidence_case", "removal_evidence", ["case_id"], unique=False)
    op.create_table(
        "sweep_parts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sweep_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("property_type", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("price_from", sa.Numeric(precision=15, scale=2), nullable=True),
        sa.Column("price_to", sa.Numeric(precision=15, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("is_split", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("first_stated_total", sa.Integer(), nullable=True),
        sa.Column("last_stated_total", sa.Integer(), nullable=True),
        sa.Column("cards", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("mismatched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cap_hit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("covered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "property_type IN ('apartment', 'house', 'condominium_house', 'lot', 'quinta', 'ranch', 'villa', 'building', 'commercial_lot', 'commercial_storage', 'farm', 'commercial_house', 'office', 'retail', 'mall_space', 'industrial_lot', 'industrial_warehouse', 'warehouse')",
            name=op.f("ck_sweep_parts_property_type"),
        ),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_parts_sweep_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_parts")),
    )
    op.create_index("uq_sweep_parts_name", "sweep_parts", ["sweep_id", "name"], unique=True)
    op.add_column("host_pacing", sa.Column("hold_until", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("host_pacing", sa.Column("strikes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("host_pacing", sa.Column("asked_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("manifest_sightings", sa.Column("place", sa.Text(), nullable=True))
    op.add_column("property_state", sa.Column("present_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("property_state", sa.Column("status_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("sweep_pages", sa.Column("part", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("sweeps", sa.Column("distinct_listings", sa.Integer(), nullable=True))
    op.add_column("sweeps", sa.Column("expected_listings", sa.Integer(), nullable=True))
    op.add_column("sweeps", sa.Column("residual", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("sweeps", sa.Column("covers_all", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.drop_constraint(op.f("ck_scraping_errors_error_type"), "scraping_errors", type_="check")
    op.create_check_constraint(
        op.f("ck_scraping_errors_error_type"),
        "scraping_errors",
        "error_type IN ('download', 'http_status', 'blocked', 'login', 'gone', 'off_site', 'robots', 'wrong_page', 'unreadable', 'empty_page', 'repeated_page', 'filter_ignored', 'card', 'page_gate', 'other_listing', 'validation', 'parse', 'store')",
    )
    op.execute(f"CREATE VIEW sighting_misses AS {SIGHTING_MISSES}")
    op.execute(f"CREATE VIEW property_freshness AS {PROPERTY_FRESHNESS}")


def downgrade() -> None:
    op.create_index("ix_property_scrapes_staging_session_status", "property_scrapes_staging", ["session_id", "processing_status"])
    op.execute("DROP VIEW property_freshness")
    op.execute("DROP VIEW sighting_misses")
    op.execute("DELETE FROM scraping_errors WHERE error_type IN ('repeated_page', 'filter_ignored')")
    op.drop_constraint(op.f("ck_scraping_errors_error_type"), "scraping_errors", type_="check")
    op.create_check_constraint(
        op.f("ck_scraping_errors_error_type"),
        "scraping_errors",
        "error_type IN ('download', 'http_status', 'blocked', 'login', 'gone', 'off_site', 'robots', 'wrong_page', 'unreadable', 'empty_page', 'card', 'page_gate', 'other_listing', 'validation', 'parse', 'store')",
    )
    op.drop_column("sweeps", "covers_all")
    op.drop_column("sweeps", "residual")
    op.drop_column("sweeps", "expected_listings")
    op.drop_column("sweeps", "distinct_listings")
    op.drop_column("sweep_pages", "part")
    op.drop_column("property_state", "status_at")
    op.drop_column("property_state", "present_at")
    op.drop_column("manifest_sightings", "place")
    op.drop_column("host_pacing", "asked_at")
    op.drop_column("host_pacing", "strikes")
    op.drop_column("host_pacing", "hold_until")
    op.drop_index("uq_sweep_parts_name", table_name="sweep_parts")
    op.drop_table("sweep_parts")
    op.drop_index("ix_removal_evidence_case", table_name="removal_evidence")
    op.drop_table("removal_evidence")
    op.drop_table("verification_batches")
    op.drop_index(
        "uq_removal_cases_open", table_name="removal_cases", postgresql_where=sa.text("status IN ('open', 'quarantined')")
    )
    op.drop_index("ix_removal_cases_run", table_name="removal_cases", postgresql_where=sa.text("status = 'quarantined'"))
    op.drop_index("ix_removal_cases_property", table_name="removal_cases")
    op.drop_index("ix_removal_cases_decided", table_name="removal_cases")
    op.drop_table("removal_cases")
    op.drop_index("uq_url_aliases_url", table_name="url_aliases")
    op.drop_index("ix_url_aliases_url", table_name="url_aliases")
    op.drop_table("url_aliases")
    op.drop_table("portal_pauses")
    op.drop_index("uq_alerts_open", table_name="alerts", postgresql_where=sa.text("resolved_at IS NULL"))
    op.drop_table("alerts")
    op.execute(f"CREATE VIEW property_freshness AS {OLD_PROPERTY_FRESHNESS}")
