"""Runs inside propspider.db.migrate, which brings the connection, the lock and the timeouts."""

from alembic import context

from propspider.db.models import Base
from propspider.db.models.base import Cube
from propspider.db.postgis import Geometry, is_of_postgis

connection = context.config.attributes["connection"]
connection.dialect.ischema_names |= {"cube": Cube, "geometry": Geometry}
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    transaction_per_migration=True,
    compare_server_default=True,
    include_object=lambda _, name, kind, *__: not is_of_postgis(kind, name),
)
with context.begin_transaction():
    context.run_migrations()
