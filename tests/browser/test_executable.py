from pathlib import Path

import pytest

from propspider.browser.executable import NoBrowser, find
from propspider.config import Config


def _program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_the_newest_that_playwright_installed_comes_first(nowhere: Path) -> None:
    _program(nowhere / "bin" / "chromium")
    installed = nowhere / "ms-playwright"
    _program(installed / "chromium_headless_shell-2000" / "chrome-headless-shell-linux64" / "chrome-headless-shell")
    _program(installed / "chromium-999" / "chrome-linux" / "chrome")
    newest = _program(installed / "chromium-1200" / "chrome-linux64" / "chrome")
    (installed / "chromium-1300" / "chrome-linux64").mkdir(parents=True)
    assert find(Config(browsers_path=installed)) == newest


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_the_systems_browser_is_found_on_the_path(nowhere: Path, name: str) -> None:
    program = _program(nowhere / "bin" / name)
    assert find(Config(browsers_path=nowhere / "none")) == program


def test_the_configured_browser_wins(nowhere: Path) -> None:
    _program(nowhere / "bin" / "chromium")
    own = _program(nowhere / "own" / "browser")
    assert find(Config(browser=own)) == own


@pytest.mark.parametrize("there", [True, False])
def test_a_configured_browser_that_cannot_run_is_named(nowhere: Path, there: bool) -> None:
    _program(nowhere / "bin" / "chromium")
    browser = nowhere / "browser"
    if there:
        browser.write_text("no program")
    with pytest.raises(NoBrowser, match=f"PROPSPIDER_BROWSER: {browser} is not a program"):
        find(Config(browser=browser))


def test_without_any_browser_one_line_says_what_to_do(nowhere: Path) -> None:
    with pytest.raises(NoBrowser, match="playwright install chromium") as complaint:
        find(Config(browsers_path=nowhere / "none"))
    assert "\n" not in str(complaint.value)
