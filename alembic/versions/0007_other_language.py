"""Pages in another language than asked for are an error of their own."""

from alembic import op

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
    _known_errors(AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM scraping_errors WHERE error_type = 'other_language'")
    _known_errors(BEFORE)


def _known_errors(listed: str) -> None:
    op.drop_constraint(op.f("ck_scraping_errors_error_type"), "scraping_errors", type_="check")
    op.create_check_constraint(op.f("ck_scraping_errors_error_type"), "scraping_errors", f"error_type IN ({listed})")
