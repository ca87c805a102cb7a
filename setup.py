"""Only what pyproject.toml cannot say: the top-level `alembic/` ships inside the package, so that a wheel can migrate."""

from setuptools import find_packages, setup

MIGRATIONS = "propspider.db.migrations"

setup(
    packages=[*find_packages(include=["propspider*"]), MIGRATIONS, f"{MIGRATIONS}.versions"],
    package_dir={MIGRATIONS: "alembic", f"{MIGRATIONS}.versions": "alembic/versions"},
    package_data={
        "propspider": ["**/*.toml", "**/*.sql", "**/*.html", "**/*.xml", "**/*.txt", "py.typed"],
        MIGRATIONS: ["*.mako"],
    },
)
