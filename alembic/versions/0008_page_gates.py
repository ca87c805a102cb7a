"""Details look for the gated listing pages that their listings were on."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_scraping_errors_page_gates",
        "scraping_errors",
        ["portal", "created_at"],
        postgresql_where=sa.text("error_type = 'page_gate'"),
    )


def downgrade() -> None:
    op.drop_index("ix_scraping_errors_page_gates", table_name="scraping_errors")
