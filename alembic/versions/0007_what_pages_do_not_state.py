"""Pages in another language than asked for are an error of their own; what a page does not state is marked before it is cleared."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BEFORE = (
    "'download', 'http_status', 'blocked', 'login', 'gone', 'off_site', 'robots', 'wrong_page', 'unreadable', 'empty_page', "
    "'repeated_page', 'filter_ignored', 'card', 'page_gate', 'other_listing', 'validation', 'parse', 'store'"
)
AFTER = BEFORE.replace("'other_listing', ", "'other_listing', 'other_language', ")


def upgrade() -> None:
    op.add_column("property_state", sa.Column("missing_since", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column("property_scrapes_staging", sa.Column("cleared", postgresql.ARRAY(sa.TEXT()), nullable=True))
    _known_errors(AFTER)


def downgrade() -> None:
    op.drop_column("property_scrapes_staging", "cleared")
    op.drop_column("property_state", "missing_since")
    op.execute("DELETE FROM scraping_errors WHERE error_type = 'other_language'")
    _known_errors(BEFORE)


def _known_errors(listed: str) -> None:
    op.drop_constraint(op.f("ck_scraping_errors_error_type"), "scraping_errors", type_="check")
    op.create_check_constraint(op.f("ck_scraping_errors_error_type"), "scraping_errors", f"error_type IN ({listed})")
