"""Loads the set-based statements: one .sql file each, in the package that owns it."""

from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text


@cache
def statement(package: str, name: str) -> TextClause:
    """The statement `sql/<name>.sql` of a package; parameters are written :name."""
    return text(files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8"))
