"""Runs inside propspider.db.migrate, which brings the connection, the lock and the timeouts."""

from alembic import context

from propspider.db.models import Base
from propspider.db.models.base import Cube

connection = context.config.attributes["connection"]
connection.dialect.ischema_names["cube"] = Cube
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    transaction_per_migration=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
