"""The clock of a host's pace and of pauses, which the laboratory replaces as it does app_now()."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APP_CLOCK = "CREATE FUNCTION app_clock() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT clock_timestamp()'"


def upgrade() -> None:
    op.execute(APP_CLOCK)


def downgrade() -> None:
    op.execute("DROP FUNCTION app_clock()")
