"""Samples of each tier run, with the views over them; which services have accepted an alert."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

VIEWS = {
    "tier_metrics": """
SELECT portal, tier_level, tier_name, sync_run_id, started_at, taken_at, run_status, duration_seconds, pages_scanned,
       properties_found, new_properties, changed_properties, price_changes, removed_properties, error_count, success_rate
FROM metric_samples
""",
    "queue_metrics": """
SELECT portal, taken_at, queue_pending AS pending, queue_in_progress AS in_progress, queue_dead_letters AS dead_letters,
       round(queue_completed_24h / 24.0, 1) AS completed_per_hour,
       round(queue_failed_24h::numeric / nullif(queue_completed_24h + queue_failed_24h, 0), 3) AS failure_rate,
       queue_by_reason AS settled_by_reason,
       queue_average_wait_seconds AS average_wait_seconds,
       queue_oldest_wait_seconds AS oldest_wait_seconds
FROM metric_samples
""",
    "freshness_metrics": """
SELECT portal, taken_at, listings_shown,
       round(scraped_7_days::numeric / nullif(listings_shown, 0), 3) AS share_7_days,
       round(scraped_14_days::numeric / nullif(listings_shown, 0), 3) AS share_14_days,
       round(scraped_30_days::numeric / nullif(listings_shown, 0), 3) AS share_30_days,
       scraped_7_days AS aged_0_to_7_days,
       scraped_14_days - scraped_7_days AS aged_7_to_14_days,
       scraped_30_days - scraped_14_days AS aged_14_to_30_days,
       listings_shown - scraped_30_days AS stale
FROM metric_samples
""",
    "removal_metrics": """
SELECT portal, taken_at, likely_removed, confirmed_removed_7_days AS confirmed_this_week,
       confirmed_removed_30_days, reappeared_30_days,
       round(reappeared_30_days::numeric / nullif(confirmed_removed_30_days, 0), 3) AS false_positive_rate
FROM metric_samples
""",
}


def upgrade() -> None:
    op.create_table(
        "metric_samples",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("portal", sa.Text(), nullable=False),
        sa.Column("sync_run_id", sa.UUID(), nullable=True),
        sa.Column("tier_level", sa.SmallInteger(), nullable=True),
        sa.Column("tier_name", sa.Text(), nullable=True),
        sa.Column("taken_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("app_now()"), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("run_status", sa.Text(), nullable=False),
        sa.Column("duration_seconds", sa.Float(precision=53), nullable=False),
        sa.Column("pages_scanned", sa.Integer(), nullable=False),
        sa.Column("properties_found", sa.Integer(), nullable=False),
        sa.Column("new_properties", sa.Integer(), nullable=False),
        sa.Column("changed_properties", sa.Integer(), nullable=False),
        sa.Column("price_changes", sa.Integer(), nullable=False),
        sa.Column("removed_properties", sa.Integer(), nullable=False),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("success_rate", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("queue_pending", sa.Integer(), nullable=False),
        sa.Column("queue_in_progress", sa.Integer(), nullable=False),
        sa.Column("queue_dead_letters", sa.Integer(), nullable=False),
        sa.Column("queue_completed_24h", sa.Integer(), nullable=False),
        sa.Column("queue_failed_24h", sa.Integer(), nullable=False),
        sa.Column("queue_by_reason", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("queue_average_wait_seconds", sa.Float(precision=53), nullable=True),
        sa.Column("queue_oldest_wait_seconds", sa.Float(precision=53), nullable=True),
        sa.Column("listings_shown", sa.Integer(), nullable=False),
        sa.Column("scraped_7_days", sa.Integer(), nullable=False),
        sa.Column("scraped_14_days", sa.Integer(), nullable=False),
        sa.Column("scraped_30_days", sa.Integer(), nullable=False),
        sa.Column("likely_removed", sa.Integer(), nullable=False),
        sa.Column("confirmed_removed_7_days", sa.Integer(), nullable=False),
        sa.Column("confirmed_removed_30_days", sa.Integer(), nullable=False),
        sa.Column("reappeared_30_days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sync_run_id"], ["sync_runs.id"], name=op.f("fk_metric_samples_sync_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_samples")),
    )
    op.create_index("uq_metric_samples_run", "metric_samples", ["sync_run_id"], unique=True)
    op.create_index("ix_metric_samples_portal", "metric_samples", ["portal", "taken_at"])
    op.add_column("alerts", sa.Column("accepted_by", postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False))
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    op.drop_column("alerts", "accepted_by")
    op.drop_index("ix_metric_samples_portal", table_name="metric_samples")
    op.drop_index("uq_metric_samples_run", table_name="metric_samples")
    op.drop_table("metric_samples")
