import json
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from propspider import logs
from propspider.config import Config

HOSTILE = "Casa \x1b[2J\x1b]0;owned\x07 [red]x[/] [/]\nINFO forged \u202eline"

# In a process of its own: configure() changes logging for everybody.
SCRIPT = """
import logging, sys, structlog
from propspider import config, logs
logs.configure(config.load())
hostile = sys.stdin.read()
structlog.get_logger("ours").warning("unknown type", title=hostile, fields={hostile: [hostile]})
logging.getLogger("theirs").warning("title %s", hostile, extra={"item": "Ana Example", "place": hostile})
try:
    raise ValueError(hostile)
except ValueError:
    logging.getLogger("theirs").exception("failed")
logging.getLogger("scrapy.middleware").info("Enabled extensions: a long list")
logging.getLogger("tldextract.suffix_list").error("offline")
logging.getLogger("ours").debug("too fine")
"""


def _environment(tmp_path: Path, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PROPSPIDER_", "DATABASE_"))}
    return {**clean, "PROPSPIDER_STATE_DIR": str(tmp_path / "state"), "TERM": "xterm", **more}


def _run(tmp_path: Path, *, stderr: int = subprocess.PIPE, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=HOSTILE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=_environment(tmp_path, **more),
        timeout=60,
        check=True,
    )


def _read(terminal: int) -> str:
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux says EIO when the other end is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(terminal)
    return b"".join(chunks).decode()


def _on_terminal(tmp_path: Path, **more: str) -> str:
    ours, theirs = pty.openpty()
    _run(tmp_path, stderr=theirs, **more)
    os.close(theirs)
    return _read(ours)


def test_no_control_character_of_a_page_reaches_the_terminal(tmp_path: Path) -> None:
    shown = _on_terminal(tmp_path, NO_COLOR="1")
    assert not [c for c in shown if c not in "\r\n" and (ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or c == "\u202e")]
    assert not [line for line in shown.splitlines() if line.startswith("INFO forged")]
    assert "[red]x[/] [/]" in shown
    assert "\\x1b[2J" in shown


def test_the_terminal_has_colours_and_plain_tracebacks_without_local_variables(tmp_path: Path) -> None:
    shown = _on_terminal(tmp_path)
    assert "\x1b[" in shown
    assert "Traceback (most recent call last)" in shown
    assert "locals" not in shown


def test_without_a_terminal_the_console_has_the_same_json_lines_as_the_file(tmp_path: Path) -> None:
    done = _run(tmp_path)
    lines = done.stderr.splitlines()
    file = tmp_path / "state" / "logs" / "propspider.log"
    assert [_without_time(line) for line in lines] == [_without_time(line) for line in file.read_text().splitlines()]
    first = json.loads(lines[0])
    assert (first["event"], first["logger"], first["level"], first["title"]) == ("unknown type", "ours", "warning", HOSTILE)
    assert first["timestamp"].endswith("Z")
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_scrapys_lists_and_items_are_left_out(tmp_path: Path) -> None:
    events = [json.loads(line) for line in _run(tmp_path).stderr.splitlines()]
    assert [event["event"] for event in events] == ["unknown type", f"title {HOSTILE}", "failed"]
    assert "item" not in events[1]
    assert events[1]["place"] == HOSTILE


def test_a_file_that_cannot_be_written_leaves_the_console_and_one_warning(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    events = [json.loads(line) for line in _run(tmp_path, PROPSPIDER_LOG_FILE=str(in_the_way / "log")).stderr.splitlines()]
    assert [event["event"] for event in events].count("no log file") == 1
    assert "unknown type" in [event["event"] for event in events]


@pytest.mark.parametrize(
    ("event", "hidden"),
    [
        ({"event": "connecting to postgresql://crawler:hunter22@db.example.com/x"}, "hunter22"),
        ({"event": "dsn host=db.example.com password=hunter22 dbname=x"}, "hunter22"),
        ({"event": "{b'Cookie': [b'session=abc123'], b'Accept': [b'*']}"}, "abc123"),
        ({"event": "Authorization: Bearer abc123"}, "abc123"),
        ({"event": "Set-Cookie: session=abc123; Path=/"}, "abc123"),
        ({"event": "x", "headers": {"Cookie": "session=abc123"}}, "abc123"),
        ({"event": "x", "database_url": "postgresql:///abc123"}, "abc123"),
        ({"event": "x", "exception": "OperationalError: user:hunter22 correct-horse"}, "correct-horse"),
        ({"event": "x", "list": [{"password": "abc123"}]}, "abc123"),
    ],
)
def test_secrets_are_redacted(event: dict[str, object], hidden: str) -> None:
    config = Config(
        database_url="postgresql://crawler:correct-horse@db.example.com/x", database_direct_url="host=x password=hunter22"
    )
    redact = logs.redactor(config)
    assert hidden not in json.dumps(redact(None, "info", dict(event)))


def test_what_is_no_secret_stays() -> None:
    redact = logs.redactor(Config())
    event = {"event": "GET https://www.example.com/a?b=c@d 3 tokens, cookies off", "price": 12, "url": "http://a.example/x:y"}
    assert redact(None, "info", dict(event)) == event


def test_configuring_twice_replaces_the_first_handlers(tmp_path: Path) -> None:
    before = list(logging.root.handlers)
    level = logging.root.level
    try:
        for name in ("a", "b"):
            logs.configure(Config(state_dir_override=tmp_path), console=False, path=tmp_path / name)
        logging.getLogger("theirs").warning("once")
        assert (tmp_path / "a").read_text() == ""
        assert (tmp_path / "b").read_text().count("once") == 1
        assert logs.is_configured()
    finally:
        logs.remove()
        logging.root.setLevel(level)
        logging.captureWarnings(False)
        structlog.reset_defaults()
    assert logging.root.handlers == before


def _without_time(line: str) -> dict[str, object]:
    return {key: value for key, value in json.loads(line).items() if key != "timestamp"}
