"""The schema this code works with, readable from a zipped egg, where alembic's own scripts are not."""

HEAD = "0009"
