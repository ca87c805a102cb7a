"""Tiers against the laboratory, through the same command line that a person types."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.spiders.crawling import ROOT, SECONDS, Done, environment
from tests.spiders.served import Lab

PROPSPIDER = [str(Path(sys.executable).with_name("propspider"))]


def command(*arguments: str, database_url: str, lab: Lab, **extra: str) -> Done:
    done = subprocess.run(
        [*PROPSPIDER, *arguments],
        cwd=ROOT,
        env=environment(database_url, lab.base_url, **extra),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def tier(which: str, *, database_url: str, lab: Lab, **extra: str) -> dict[str, Any]:
    """The result of a tier that went well."""
    done = command("tier", which, "--json", database_url=database_url, lab=lab, **extra)
    assert done.code == 0, done.err + done.out
    result: dict[str, Any] = json.loads(done.out)
    return result


def start(*arguments: str, database_url: str, lab: Lab, **extra: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*PROPSPIDER, *arguments],
        cwd=ROOT,
        env=environment(database_url, lab.base_url, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
