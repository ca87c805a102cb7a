"""What is deployed is one zip file: everything in it is found without a path."""

import subprocess
import sys
import zipfile
from pathlib import Path

from propspider import portals
from propspider.db.revision import HEAD

from .nodes import SECONDS

PROBE = """
import importlib.resources, sys, propspider
from propspider import portals
from propspider.commands import skeleton
from propspider.db.sql import statement
assert propspider.__file__.startswith(sys.argv[1]), propspider.__file__
for file in importlib.resources.files("propspider.sync").joinpath("sql").iterdir():
    if file.name.endswith(".sql"):
        statement("propspider.sync", file.name.removesuffix(".sql"))
for file in ("pages.py.txt", "portal.toml.txt"):
    assert importlib.resources.files(skeleton).joinpath(file).read_text()
assert importlib.resources.files("propspider.lab").joinpath("templates", "detail.html").read_text()
for name in portals.names():
    print(name, portals.load(name).parser_version)
from propspider.db import migrate
try:
    migrate.scripts()
except migrate.MigrationFailed as error:
    print(error)
"""


def test_an_egg_is_whole_and_needs_no_files(egg: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(egg)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(egg), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *versions, complaint = done.stdout.splitlines()
    assert [line.split()[0] for line in versions] == portals.names()
    assert versions != [f"{name} {portals.load(name).parser_version}" for name in portals.names()]
    assert complaint == "migrations do not run from an egg: run `propspider db upgrade` of an installed propspider"


def test_an_egg_names_the_settings_and_brings_the_migrations(egg: Path) -> None:
    with zipfile.ZipFile(egg) as archive:
        names = archive.namelist()
        assert "[scrapy]\nsettings = propspider.settings" in archive.read("EGG-INFO/entry_points.txt").decode()
    assert any(name.startswith(f"propspider/db/migrations/versions/{HEAD}_") for name in names)
    assert not [name for name in names if name.startswith("tests/") or "/.env" in name]
