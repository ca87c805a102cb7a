import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _scrapy(*arguments: str, tmp_path: Path, **more: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PROPSPIDER_", "DATABASE_", "SCRAPY_"))}
    return subprocess.run(
        [sys.executable, "-W", "default", "-m", "scrapy", *arguments],
        cwd=ROOT,
        env={**clean, "PROPSPIDER_STATE_DIR": str(tmp_path), **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROPSPIDER_ALLOW_PRIVATE", "perhaps"),
        ("PROPSPIDER_DATABASE", "Robert'); DROP TABLE"),
        ("PROPSPIDER_LOG_LEVEL", "loud"),
        ("PROPSPIDER_PORTALS", "not json"),
        ("PROPSPIDER_PORTALS__PINCALI__DELAY_SECONDS", "-1"),
        ("SCRAPYD_URL", "node-1:6800"),
        ("SCRAPYD_URL", "http://fleet:secret@node-1:6800,"),
        ("SCRAPYD_URL", "http://fleet:se/cret@node-1:6800"),
        ("SCRAPYD_URL", "http://fleet:secret@node-1:port"),
    ],
)
def test_a_wrong_environment_value_ends_in_one_line_that_names_it(tmp_path: Path, name: str, value: str) -> None:
    done = _scrapy("settings", "--get", "BOT_NAME", tmp_path=tmp_path, **{name: value})
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert name.removeprefix("PROPSPIDER_").split("__")[0].lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert "cret" not in done.stderr


def test_reading_a_setting_writes_nothing_and_warns_of_nothing(tmp_path: Path) -> None:
    done = _scrapy("settings", "--get", "USER_AGENT", tmp_path=tmp_path, PROPSPIDER_USER_AGENT="example/1 (+https://example.com)")
    assert (done.returncode, done.stdout.strip()) == (0, "example/1 (+https://example.com)")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
