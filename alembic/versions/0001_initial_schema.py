"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APP_NOW = "CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT now()'"

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


class Cube(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "cube"


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS cube")
    op.execute(APP_NOW)
    op.create_table(
        "host_pacing",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("next_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("delay_seconds", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_host_pacing")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("ttl_seconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "manifest_sightings",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("last_sweep", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_priced_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("page_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("property_id", "scope", name=op.f("pk_manifest_sightings")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "properties_live",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("operation_type", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(precision=15, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("price_per_m2", sa.Numeric(precision=15, scale=2), nullable=True),
        sa.Column("offers", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("listing_status", sa.Text(), server_default="active", nullable=False),
        sa.Column(
            "status",
            sa.Text(),
            sa.Computed(
                "CASE WHEN (listing_status = ANY (ARRAY['sold'::text, 'withdrawn'::text])) THEN 'inactive'::text WHEN (listing_status = 'confirmed_removed'::text) THEN 'removed'::text ELSE 'active'::text END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("verification_status", sa.Text(), server_default="unverified", nullable=False),
        sa.Column(
            "data_completeness_score",
            sa.Numeric(precision=3, scale=2),
            sa.Computed(
                "CASE WHEN price IS NOT NULL OR price_per_m2 IS NOT NULL THEN 0.20 ELSE 0.00 END + CASE WHEN latitude IS NOT NULL OR city IS NOT NULL THEN 0.20 ELSE 0.00 END + CASE WHEN length(description) >= 1 THEN 0.15 ELSE 0.00 END + CASE WHEN jsonb_array_length(image_urls) >= 1 THEN 0.15 ELSE 0.00 END + CASE WHEN agent_name IS NOT NULL OR agent_phone IS NOT NULL OR agent_email IS NOT NULL OR agency_name IS NOT NULL THEN 0.10 ELSE 0.00 END + CASE WHEN bedrooms IS NOT NULL OR bathrooms IS NOT NULL OR total_area_m2 IS NOT NULL OR covered_area_m2 IS NOT NULL OR lot_size_m2 IS NOT NULL THEN 0.10 ELSE 0.00 END + CASE WHEN length(description) >= 200 THEN 0.05 ELSE 0.00 END + CASE WHEN jsonb_array_length(image_urls) >= 5 THEN 0.05 ELSE 0.00 END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column(
            "gps_coordinates", sa.Text(), sa.Computed("latitude::text || ',' || longitude::text", persisted=True), nullable=True
        ),
        sa.Column(
            "search_vector",
            postgresql.TSVECTOR(),
            sa.Computed(
                "to_tsvector('spanish'::regconfig, coalesce(title, '') || ' ' || coalesce(description, '') || ' ' || coalesce(neighborhood, '') || ' ' || coalesce(city, ''))",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column(
            "location",
            Cube(),
            sa.Computed(
                "CASE WHEN latitude IS NULL OR longitude IS NULL THEN NULL ELSE cube(ARRAY[6378168 * cos(radians(latitude)) * cos(radians(longitude)), 6378168 * cos(radians(latitude)) * sin(radians(longitude)), 6378168 * sin(radians(latitude))]) END",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.Column("parser_version", sa.Text(), nullable=True),
        sa.Column("first_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("scraped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("last_updated_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("internal_id", sa.Text(), nullable=True),
        sa.Column("title_original", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("description_original", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("property_type", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("door", sa.Text(), nullable=True),
        sa.Column("neighborhood", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(precision=53), nullable=True),
        sa.Column("longitude", sa.Float(precision=53), nullable=True),
        sa.Column("exact_location", sa.Boolean(), nullable=True),
        sa.Column("bedrooms", sa.Integer(), nullable=True),
        sa.Column("bathrooms", sa.Integer(), nullable=True),
        sa.Column("half_bathrooms", sa.Integer(), nullable=True),
        sa.Column("parking_spaces", sa.Integer(), nullable=True),
        sa.Column("total_area_m2", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("covered_area_m2", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("lot_size_m2", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("floor_number", sa.Integer(), nullable=True),
        sa.Column("total_floors", sa.Integer(), nullable=True),
        sa.Column("age_years", sa.Integer(), nullable=True),
        sa.Column("construction_year", sa.Integer(), nullable=True),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("features", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("amenities", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("main_image_url", sa.Text(), nullable=True),
        sa.Column("image_urls", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("virtual_tour_url", sa.Text(), nullable=True),
        sa.Column("video_url", sa.Text(), nullable=True),
        sa.Column("agent_name", sa.Text(), nullable=True),
        sa.Column("agent_phone", sa.Text(), nullable=True),
        sa.Column("agent_email", sa.Text(), nullable=True),
        sa.Column("agency_name", sa.Text(), nullable=True),
        sa.Column("message_url", sa.Text(), nullable=True),
        sa.Column("is_featured", sa.Boolean(), nullable=True),
        sa.Column("is_premium", sa.Boolean(), nullable=True),
        sa.Column("listing_date", sa.Date(), nullable=True),
        sa.Column("published_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "listing_status IN ('active', 'likely_removed', 'confirmed_removed', 'sold', 'withdrawn', 'relisted')",
            name=op.f("ck_properties_live_listing_status"),
        ),
        sa.CheckConstraint(
            "operation_type IN ('sale', 'rent', 'temporary_rent', 'foreclosure', 'new_construction')",
            name=op.f("ck_properties_live_operation_type"),
        ),
        sa.CheckConstraint(
            "property_type IN ('apartment', 'house', 'condominium_house', 'lot', 'quinta', 'ranch', 'villa', 'building', 'commercial_lot', 'commercial_storage', 'farm', 'commercial_house', 'office', 'retail', 'mall_space', 'industrial_lot', 'industrial_warehouse', 'warehouse')",
            name=op.f("ck_properties_live_property_type"),
        ),
        sa.CheckConstraint(
            "verification_status IN ('unverified', 'verified', 'flagged')", name=op.f("ck_properties_live_verification_status")
        ),
        sa.CheckConstraint("(price IS NULL) OR (currency IS NOT NULL)", name=op.f("ck_properties_live_currency")),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name=op.f("ck_properties_live_latitude")),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name=op.f("ck_properties_live_longitude")),
        sa.PrimaryKeyConstraint("property_id", name=op.f("pk_properties_live")),
    )
    op.create_index(
        "ix_properties_live_active",
        "properties_live",
        ["last_updated_at"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_properties_live_filters", "properties_live", ["property_type", "operation_type", "price", "bedrooms"], unique=False
    )
    op.create_index("ix_properties_live_listing_status", "properties_live", ["listing_status"], unique=False)
    op.create_index("ix_properties_live_location", "properties_live", ["location"], unique=False, postgresql_using="gist")
    op.create_index(
        "ix_properties_live_point",
        "properties_live",
        [sa.literal_column("point(longitude, latitude)")],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index("ix_properties_live_search", "properties_live", ["search_vector"], unique=False, postgresql_using="gin")
    op.create_index("uq_properties_live_id", "properties_live", ["id"], unique=True)
    op.create_table(
        "property_manifest",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("internal_id", sa.Text(), nullable=True),
        sa.Column("listing_page_title", sa.Text(), nullable=True),
        sa.Column("property_type", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("exact_location", sa.Boolean(), nullable=True),
        sa.Column("first_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("first_seen_session_id", sa.Uuid(), nullable=True),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint(
            "property_type IN ('apartment', 'house', 'condominium_house', 'lot', 'quinta', 'ranch', 'villa', 'building', 'commercial_lot', 'commercial_storage', 'farm', 'commercial_house', 'office', 'retail', 'mall_space', 'industrial_lot', 'industrial_warehouse', 'warehouse')",
            name=op.f("ck_property_manifest_property_type"),
        ),
        sa.PrimaryKeyConstraint("property_id", name=op.f("pk_property_manifest")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("ix_property_manifest_internal", "property_manifest", ["portal", "internal_id"], unique=False)
    op.create_table(
        "property_offers",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=15, scale=2), nullable=True),
        sa.Column("amount_max", sa.Numeric(precision=15, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("(kind = 'on_request') = (amount IS NULL)", name=op.f("ck_property_offers_amount")),
        sa.CheckConstraint("(kind = 'range') = (amount_max IS NOT NULL)", name=op.f("ck_property_offers_amount_max")),
        sa.CheckConstraint("kind IN ('exact', 'from', 'range', 'on_request')", name=op.f("ck_property_offers_kind")),
        sa.CheckConstraint(
            "operation IN ('sale', 'rent', 'temporary_rent', 'foreclosure', 'new_construction')",
            name=op.f("ck_property_offers_operation"),
        ),
        sa.CheckConstraint("unit IN ('total', 'square_meter')", name=op.f("ck_property_offers_unit")),
        sa.CheckConstraint("(amount IS NULL) = (currency IS NULL)", name=op.f("ck_property_offers_currency")),
        sa.PrimaryKeyConstraint("property_id", "operation", "unit", name=op.f("pk_property_offers")),
    )
    op.create_table(
        "property_state",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_attempt_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("property_id", name=op.f("pk_property_state")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_table(
        "scrape_queue",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="detail", nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("queue_reason", sa.Text(), nullable=False),
        sa.Column("queued_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("claim_key", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("not_before", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("claimed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("lease_no", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("claims", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempt_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_attempts", sa.SmallInteger(), server_default=sa.text("3"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("completed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(status = 'in_progress') = (lease_until IS NOT NULL)", name=op.f("ck_scrape_queue_lease_until")),
        sa.CheckConstraint(
            "(status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)",
            name=op.f("ck_scrape_queue_completed_at"),
        ),
        sa.CheckConstraint("kind IN ('detail', 'verify')", name=op.f("ck_scrape_queue_kind")),
        sa.CheckConstraint(
            "queue_reason IN ('on_demand', 'new_property', 'relisted', 'price_change', 'verification', 'stale_data', 'random_sample')",
            name=op.f("ck_scrape_queue_queue_reason"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'in_progress', 'completed', 'failed', 'cancelled')", name=op.f("ck_scrape_queue_status")
        ),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name=op.f("ck_scrape_queue_priority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scrape_queue")),
        postgresql_with={
            "autovacuum_vacuum_scale_factor": "0",
            "autovacuum_vacuum_threshold": "5000",
            "autovacuum_vacuum_cost_delay": "0",
        },
    )
    op.create_index(
        "ix_scrape_queue_backed_off",
        "scrape_queue",
        ["portal", "kind", "not_before"],
        unique=False,
        postgresql_where=sa.text("status = 'pending' AND not_before IS NOT NULL"),
    )
    op.create_index(
        "ix_scrape_queue_completed",
        "scrape_queue",
        ["completed_at"],
        unique=False,
        postgresql_where=sa.text("completed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_scrape_queue_leases",
        "scrape_queue",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status = 'in_progress'"),
    )
    op.create_index("ix_scrape_queue_property", "scrape_queue", ["property_id"], unique=False)
    op.create_index(
        "ix_scrape_queue_ready",
        "scrape_queue",
        ["portal", "kind", "claim_key"],
        unique=False,
        postgresql_where=sa.text("status = 'pending' AND not_before IS NULL"),
    )
    op.create_index(
        "uq_scrape_queue_open",
        "scrape_queue",
        ["property_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'in_progress')"),
    )
    op.create_table(
        "sync_runs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("tier_level", sa.SmallInteger(), nullable=True),
        sa.Column("tier_name", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("completed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("pages_scanned", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("properties_in_manifest", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("new_properties_found", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("price_changes_detected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("removals_detected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("removals_confirmed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("properties_queued", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("properties_scraped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("properties_updated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_summary", sa.Text(), nullable=True),
        sa.Column("execution_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint("(status = 'running') = (completed_at IS NULL)", name=op.f("ck_sync_runs_completed_at")),
        sa.CheckConstraint("status IN ('running', 'completed', 'failed', 'cancelled')", name=op.f("ck_sync_runs_status")),
        sa.CheckConstraint("tier_level BETWEEN 1 AND 4", name=op.f("ck_sync_runs_tier_level")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
    )
    op.create_index("ix_sync_runs_portal_started", "sync_runs", ["portal", "started_at"], unique=False)
    op.create_table(
        "scraping_sessions",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("sync_run_id", sa.UUID(), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("spider", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("parser_version", sa.Text(), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column(
            "heartbeat_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("completed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("pages_fetched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("items_stored", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("warning_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stats", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint("(status = 'running') = (completed_at IS NULL)", name=op.f("ck_scraping_sessions_completed_at")),
        sa.CheckConstraint("spider IN ('manifest', 'detail', 'verify')", name=op.f("ck_scraping_sessions_spider")),
        sa.CheckConstraint("status IN ('running', 'completed', 'failed', 'cancelled')", name=op.f("ck_scraping_sessions_status")),
        sa.ForeignKeyConstraint(
            ["sync_run_id"], ["sync_runs.id"], name=op.f("fk_scraping_sessions_sync_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scraping_sessions")),
    )
    op.create_index("ix_scraping_sessions_portal_started", "scraping_sessions", ["portal", "started_at"], unique=False)
    op.create_index(
        "ix_scraping_sessions_running",
        "scraping_sessions",
        ["heartbeat_at"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(op.f("ix_scraping_sessions_sync_run_id"), "scraping_sessions", ["sync_run_id"], unique=False)
    op.create_table(
        "property_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("change_type", sa.Text(), nullable=False),
        sa.Column("field_name", sa.Text(), nullable=True),
        sa.Column("old_value", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("new_value", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("confidence_score", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("change_reason", sa.Text(), nullable=False),
        sa.Column("parser_version", sa.Text(), nullable=True),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint(
            "change_type IN ('created', 'updated', 'removed', 'reactivated')", name=op.f("ck_property_changes_change_type")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["scraping_sessions.id"], name=op.f("fk_property_changes_session_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_property_changes")),
    )
    op.create_index("ix_property_changes_property", "property_changes", ["property_id", "id"], unique=False)
    op.create_index("ix_property_changes_session", "property_changes", ["session_id"], unique=False)
    op.create_index("ix_property_changes_type", "property_changes", ["change_type", "created_at"], unique=False)
    op.create_table(
        "property_scrapes_staging",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=False),
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("offers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stated_empty", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("warnings", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("data_completeness_score", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("processing_status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("change_type", sa.Text(), nullable=True),
        sa.Column("scraped_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("internal_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("title_original", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("description_original", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("property_type", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("door", sa.Text(), nullable=True),
        sa.Column("neighborhood", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(precision=53), nullable=True),
        sa.Column("longitude", sa.Float(precision=53), nullable=True),
        sa.Column("exact_location", sa.Boolean(), nullable=True),
        sa.Column("bedrooms", sa.Integer(), nullable=True),
        sa.Column("bathrooms", sa.Integer(), nullable=True),
        sa.Column("half_bathrooms", sa.Integer(), nullable=True),
        sa.Column("parking_spaces", sa.Integer(), nullable=True),
        sa.Column("total_area_m2", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("covered_area_m2", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("lot_size_m2", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("floor_number", sa.Integer(), nullable=True),
        sa.Column("total_floors", sa.Integer(), nullable=True),
        sa.Column("age_years", sa.Integer(), nullable=True),
        sa.Column("construction_year", sa.Integer(), nullable=True),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("features", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("amenities", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("main_image_url", sa.Text(), nullable=True),
        sa.Column("image_urls", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("virtual_tour_url", sa.Text(), nullable=True),
        sa.Column("video_url", sa.Text(), nullable=True),
        sa.Column("agent_name", sa.Text(), nullable=True),
        sa.Column("agent_phone", sa.Text(), nullable=True),
        sa.Column("agent_email", sa.Text(), nullable=True),
        sa.Column("agency_name", sa.Text(), nullable=True),
        sa.Column("message_url", sa.Text(), nullable=True),
        sa.Column("is_featured", sa.Boolean(), nullable=True),
        sa.Column("is_premium", sa.Boolean(), nullable=True),
        sa.Column("listing_date", sa.Date(), nullable=True),
        sa.Column("published_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "change_type IN ('new', 'updated', 'unchanged', 'outdated', 'removed')",
            name=op.f("ck_property_scrapes_staging_change_type"),
        ),
        sa.CheckConstraint(
            "processing_status IN ('pending', 'processed', 'held', 'error')",
            name=op.f("ck_property_scrapes_staging_processing_status"),
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["scraping_sessions.id"], name=op.f("fk_property_scrapes_staging_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_property_scrapes_staging")),
    )
    op.create_index(
        "ix_property_scrapes_staging_session_status",
        "property_scrapes_staging",
        ["session_id", "processing_status"],
        unique=False,
    )
    op.create_index(
        "uq_property_scrapes_staging_session_property", "property_scrapes_staging", ["session_id", "property_id"], unique=True
    )
    op.create_table(
        "scraping_errors",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("error_type", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("property_id", sa.Text(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("raw_item", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint(
            "error_type IN ('download', 'http_status', 'blocked', 'login', 'gone', 'off_site', 'robots', 'wrong_page', 'unreadable', 'empty_page', 'card', 'other_listing', 'validation', 'parse', 'store')",
            name=op.f("ck_scraping_errors_error_type"),
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["scraping_sessions.id"], name=op.f("fk_scraping_errors_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scraping_errors")),
    )
    op.create_index("ix_scraping_errors_property", "scraping_errors", ["property_id"], unique=False)
    op.create_index(op.f("ix_scraping_errors_session_id"), "scraping_errors", ["session_id"], unique=False)
    op.create_table(
        "sweeps",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("pages_wanted", sa.Integer(), nullable=False),
        sa.Column("pages_fetched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("pages_failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cards", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("entries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_stated_total", sa.Integer(), nullable=True),
        sa.Column("last_stated_total", sa.Integer(), nullable=True),
        sa.Column("cap_hit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("completed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'running') = (completed_at IS NULL)", name=op.f("ck_sweeps_completed_at")),
        sa.CheckConstraint("status IN ('running', 'finished', 'aborted')", name=op.f("ck_sweeps_status")),
        sa.CheckConstraint("verdict IN ('complete', 'partial', 'void')", name=op.f("ck_sweeps_verdict")),
        sa.ForeignKeyConstraint(["session_id"], ["scraping_sessions.id"], name=op.f("fk_sweeps_session_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
    )
    op.create_index(
        "ix_sweeps_complete", "sweeps", ["portal", "scope", "id"], unique=False, postgresql_where=sa.text("verdict = 'complete'")
    )
    op.create_index("uq_sweeps_session_scope", "sweeps", ["session_id", "scope"], unique=True)
    op.create_table(
        "sync_metadata",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=False),
        sa.Column("total_scraped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stored_properties", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("new_properties", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_properties", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unchanged_properties", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("outdated_properties", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("removed_properties", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected_properties", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("price_changes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("queued_properties", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("data_quality_score", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("completeness_rate", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("quality_sum", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("sync_duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("staging_to_live_duration_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sync_status", sa.Text(), server_default="running", nullable=False),
        sa.Column("error_summary", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("completed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "sync_status IN ('pending', 'running', 'completed', 'failed')", name=op.f("ck_sync_metadata_sync_status")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["scraping_sessions.id"], name=op.f("fk_sync_metadata_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_metadata")),
        sa.UniqueConstraint("session_id", name=op.f("uq_sync_metadata_session_id")),
    )
    op.create_table(
        "sweep_pages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sweep_id", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("cards", sa.Integer(), nullable=False),
        sa.Column("stated_total", sa.Integer(), nullable=True),
        sa.Column("property_ids", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_pages_sweep_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_pages")),
    )
    op.create_index("ix_sweep_pages_sweep", "sweep_pages", ["sweep_id", "page"], unique=False)

    op.execute(f"CREATE VIEW manifest_status AS {MANIFEST_STATUS}")
    op.execute(f"CREATE VIEW property_freshness AS {PROPERTY_FRESHNESS}")


def downgrade() -> None:
    op.execute("DROP VIEW property_freshness")
    op.execute("DROP VIEW manifest_status")
    op.drop_index("ix_sweep_pages_sweep", table_name="sweep_pages")
    op.drop_table("sweep_pages")
    op.drop_table("sync_metadata")
    op.drop_index("uq_sweeps_session_scope", table_name="sweeps")
    op.drop_index("ix_sweeps_complete", table_name="sweeps", postgresql_where=sa.text("verdict = 'complete'"))
    op.drop_table("sweeps")
    op.drop_index(op.f("ix_scraping_errors_session_id"), table_name="scraping_errors")
    op.drop_index("ix_scraping_errors_property", table_name="scraping_errors")
    op.drop_table("scraping_errors")
    op.drop_index("uq_property_scrapes_staging_session_property", table_name="property_scrapes_staging")
    op.drop_index("ix_property_scrapes_staging_session_status", table_name="property_scrapes_staging")
    op.drop_table("property_scrapes_staging")
    op.drop_index("ix_property_changes_type", table_name="property_changes")
    op.drop_index("ix_property_changes_session", table_name="property_changes")
    op.drop_index("ix_property_changes_property", table_name="property_changes")
    op.drop_table("property_changes")
    op.drop_index(op.f("ix_scraping_sessions_sync_run_id"), table_name="scraping_sessions")
    op.drop_index("ix_scraping_sessions_running", table_name="scraping_sessions", postgresql_where=sa.text("status = 'running'"))
    op.drop_index("ix_scraping_sessions_portal_started", table_name="scraping_sessions")
    op.drop_table("scraping_sessions")
    op.drop_index("ix_sync_runs_portal_started", table_name="sync_runs")
    op.drop_table("sync_runs")
    op.drop_index(
        "uq_scrape_queue_open", table_name="scrape_queue", postgresql_where=sa.text("status IN ('pending', 'in_progress')")
    )
    op.drop_index(
        "ix_scrape_queue_ready", table_name="scrape_queue", postgresql_where=sa.text("status = 'pending' AND not_before IS NULL")
    )
    op.drop_index("ix_scrape_queue_property", table_name="scrape_queue")
    op.drop_index("ix_scrape_queue_leases", table_name="scrape_queue", postgresql_where=sa.text("status = 'in_progress'"))
    op.drop_index("ix_scrape_queue_completed", table_name="scrape_queue", postgresql_where=sa.text("completed_at IS NOT NULL"))
    op.drop_index(
        "ix_scrape_queue_backed_off",
        table_name="scrape_queue",
        postgresql_where=sa.text("status = 'pending' AND not_before IS NOT NULL"),
    )
    op.drop_table("scrape_queue")
    op.drop_table("property_state")
    op.drop_table("property_offers")
    op.drop_index("ix_property_manifest_internal", table_name="property_manifest")
    op.drop_table("property_manifest")
    op.drop_index("uq_properties_live_id", table_name="properties_live")
    op.drop_index("ix_properties_live_search", table_name="properties_live", postgresql_using="gin")
    op.drop_index("ix_properties_live_point", table_name="properties_live", postgresql_using="gist")
    op.drop_index("ix_properties_live_location", table_name="properties_live", postgresql_using="gist")
    op.drop_index("ix_properties_live_listing_status", table_name="properties_live")
    op.drop_index("ix_properties_live_filters", table_name="properties_live")
    op.drop_index("ix_properties_live_active", table_name="properties_live", postgresql_where=sa.text("status = 'active'"))
    op.drop_table("properties_live")
    op.drop_table("manifest_sightings")
    op.drop_table("leases")
    op.drop_table("host_pacing")
    op.execute("DROP FUNCTION app_now()")
