"""Real crawls in processes of their own, against servers on loopback."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 90
CRAWL = [sys.executable, "-m", "scrapy", "crawl", "-s", "RETRY_BACKOFF_SECONDS=0.01"]


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What a person would read as the outcome."""
        return [line for line in self.err.splitlines() if line.strip()]


def environment(database_url: str | None, base_url: str | None, **extra: str) -> dict[str, str]:
    given = {"PROPSPIDER_ALLOW_PRIVATE": "1", "PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS": "0", "NO_PROXY": "*"}
    if database_url is not None:
        given["DATABASE_URL"] = database_url
    if base_url is not None:
        given["PROPSPIDER_PORTALS__PINCALI__BASE_URL"] = base_url
    return {**os.environ, **given, **extra}


def command(spider: str, *arguments: str) -> list[str]:
    return [*CRAWL, spider, *(part for one in arguments for part in ("-a", one))]


def crawl(
    spider: str,
    *arguments: str,
    database_url: str | None,
    base_url: str | None,
    extra: Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
) -> Done:
    env = environment(database_url, base_url, **(extra or {}))
    for name in without:
        env.pop(name, None)
    done = subprocess.run(
        command(spider, *arguments), cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def start(spider: str, *arguments: str, database_url: str, base_url: str, **extra: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(spider, *arguments),
        cwd=ROOT,
        env=environment(database_url, base_url, **extra),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
