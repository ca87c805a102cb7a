"""Listings of one property: what they are compared by, what was found, what a person said, the groups that follow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

VIEWS = {
    "listing_spans": """
SELECT l.property_id,
       l.first_seen_at,
       CASE WHEN l.listing_status NOT IN ('active', 'relisted') THEN coalesce(greatest(
           (SELECT max(s.last_seen_at) FROM manifest_sightings s WHERE s.property_id = l.property_id), state.observed_at
       ), l.scraped_at) END AS gone_at
FROM properties_live l
LEFT JOIN property_state state ON state.property_id = l.property_id
""",
    "relist_chains": """
WITH spans AS (
    SELECT m.group_id, l.operation_type, l.property_id, span.first_seen_at, span.gone_at, l.currency, l.price,
           coalesce((created.new_value ->> 'price')::numeric, l.price) AS first_price,
           max(coalesce(span.gone_at, 'infinity')) OVER (
               PARTITION BY m.group_id, l.operation_type ORDER BY span.first_seen_at, l.property_id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM property_group_members m
    JOIN properties_live l ON l.property_id = m.property_id
    JOIN listing_spans span ON span.property_id = m.property_id
    LEFT JOIN LATERAL (
        SELECT c.new_value FROM property_changes c
        WHERE c.property_id = m.property_id AND c.change_type = 'created' ORDER BY c.id LIMIT 1
    ) created ON true
), chained AS (
    SELECT *, count(*) FILTER (WHERE before IS NULL OR first_seen_at > before + interval '90 days') OVER (
        PARTITION BY group_id, operation_type ORDER BY first_seen_at, property_id) AS chain
    FROM spans
), ends AS (
    SELECT group_id, operation_type, chain,
           array_agg(property_id ORDER BY first_seen_at, property_id) AS property_ids,
           min(first_seen_at) AS first_seen_at,
           CASE WHEN bool_and(gone_at IS NOT NULL) THEN max(gone_at) END AS gone_at,
           (array_agg(first_price ORDER BY first_seen_at, property_id))[1] AS first_price,
           (array_agg(price ORDER BY first_seen_at DESC, property_id DESC))[1] AS last_price,
           CASE WHEN count(DISTINCT currency) = 1 THEN min(currency) END AS currency
    FROM chained GROUP BY group_id, operation_type, chain
)
SELECT group_id, operation_type, chain, property_ids, first_seen_at, gone_at,
       floor(extract(epoch FROM coalesce(gone_at, (SELECT app_now())) - first_seen_at) / 86400)::integer AS days_on_market,
       first_price, last_price, currency,
       CASE WHEN currency IS NOT NULL THEN round((last_price - first_price) / nullif(first_price, 0), 4) END AS price_change
FROM ends
""",
}


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "duplicate_blocks",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("band", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", "property_id", name=op.f("pk_duplicate_blocks")),
    )
    op.create_index("ix_duplicate_blocks_property", "duplicate_blocks", ["property_id"], unique=False)
    op.create_table(
        "duplicate_decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("action", sa.BigInteger(), nullable=False),
        sa.Column("property_a", sa.Text(), nullable=False),
        sa.Column("property_b", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("undone_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("verdict IN ('together', 'apart')", name=op.f("ck_duplicate_decisions_verdict")),
        sa.CheckConstraint('property_a COLLATE "C" < property_b', name=op.f("ck_duplicate_decisions_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_decisions")),
    )
    op.create_index("ix_duplicate_decisions_action", "duplicate_decisions", ["action"], unique=False)
    op.create_index("ix_duplicate_decisions_b", "duplicate_decisions", ["property_b"], unique=False)
    op.create_index(
        "uq_duplicate_decisions_pair",
        "duplicate_decisions",
        ["property_a", "property_b"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL AND replaced_by IS NULL"),
    )
    op.create_table(
        "duplicate_edges",
        sa.Column("property_a", sa.Text(), nullable=False),
        sa.Column("property_b", sa.Text(), nullable=False),
        sa.Column("score", sa.REAL(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("probability", sa.REAL(), nullable=True),
        sa.Column("found_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.CheckConstraint("probability BETWEEN 0 AND 1", name=op.f("ck_duplicate_edges_probability")),
        sa.CheckConstraint('property_a COLLATE "C" < property_b', name=op.f("ck_duplicate_edges_order")),
        sa.PrimaryKeyConstraint("property_a", "property_b", name=op.f("pk_duplicate_edges")),
    )
    op.create_index("ix_duplicate_edges_b", "duplicate_edges", ["property_b"], unique=False)
    op.create_index(
        "ix_duplicate_edges_probability",
        "duplicate_edges",
        ["probability"],
        unique=False,
        postgresql_where=sa.text("probability IS NOT NULL"),
    )
    op.create_table(
        "duplicate_features",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("family", sa.Text(), nullable=True),
        sa.Column("markets", sa.SmallInteger(), nullable=True),
        sa.Column("sale", sa.Float(precision=53), nullable=True),
        sa.Column("sale_currency", sa.Text(), nullable=True),
        sa.Column("rent", sa.Float(precision=53), nullable=True),
        sa.Column("rent_currency", sa.Text(), nullable=True),
        sa.Column("total_area", sa.Float(precision=53), nullable=True),
        sa.Column("covered_area", sa.Float(precision=53), nullable=True),
        sa.Column("lot_area", sa.Float(precision=53), nullable=True),
        sa.Column("bedrooms", sa.Integer(), nullable=True),
        sa.Column("bathrooms", sa.REAL(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("neighborhood", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("house_number", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(precision=53), nullable=True),
        sa.Column("longitude", sa.Float(precision=53), nullable=True),
        sa.Column("title", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "family IN ('apartment', 'building', 'house', 'land', 'office', 'shop', 'warehouse')",
            name=op.f("ck_duplicate_features_family"),
        ),
        sa.PrimaryKeyConstraint("property_id", name=op.f("pk_duplicate_features")),
        postgresql_with={"fillfactor": "90"},
    )
    op.create_table(
        "property_groups",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_property_groups")),
    )
    op.create_table(
        "property_group_members",
        sa.Column("property_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("joined_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["property_groups.group_id"], name=op.f("fk_property_group_members_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("property_id", name=op.f("pk_property_group_members")),
    )
    op.create_index("ix_property_group_members_group", "property_group_members", ["group_id"], unique=False)
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
    op.drop_index("ix_property_group_members_group", table_name="property_group_members")
    op.drop_table("property_group_members")
    op.drop_table("property_groups")
    op.drop_table("duplicate_features")
    op.drop_index(
        "ix_duplicate_edges_probability", table_name="duplicate_edges", postgresql_where=sa.text("probability IS NOT NULL")
    )
    op.drop_index("ix_duplicate_edges_b", table_name="duplicate_edges")
    op.drop_table("duplicate_edges")
    op.drop_index(
        "uq_duplicate_decisions_pair",
        table_name="duplicate_decisions",
        postgresql_where=sa.text("undone_at IS NULL AND replaced_by IS NULL"),
    )
    op.drop_index("ix_duplicate_decisions_b", table_name="duplicate_decisions")
    op.drop_index("ix_duplicate_decisions_action", table_name="duplicate_decisions")
    op.drop_table("duplicate_decisions")
    op.drop_index("ix_duplicate_blocks_property", table_name="duplicate_blocks")
    op.drop_table("duplicate_blocks")
