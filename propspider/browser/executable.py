"""Which browser renders: the configured one, else what Playwright installed, else the system's."""

import os
import shutil
import sys
from pathlib import Path

from propspider.config import Config

ON_PATH = ("chromium", "chromium-browser", "google-chrome")
_INSTALLED = (
    "chromium-*/chrome-*/chrome",
    "chromium-*/chrome-*/chrome.exe",
    "chromium-*/chrome-*/*.app/Contents/MacOS/*",
    "chromium_headless_shell-*/chrome-*/*headless*shell*",
)


class NoBrowser(RuntimeError):
    """There is no browser to render with; the message says what was looked for and what to do."""


def find(config: Config) -> Path:
    """Raises NoBrowser."""
    if config.browser is not None:
        return _configured(config.browser)
    if (installed := _newest_installed(config.browsers_path)) is not None:
        return installed
    for name in ON_PATH:
        if (found := shutil.which(name)) is not None:
            return Path(found)
    raise NoBrowser(
        "this portal is rendered by a browser and none was found: run `playwright install chromium`, "
        f"install one of {', '.join(ON_PATH)}, or set PROPSPIDER_BROWSER"
    )


def _configured(browser: Path) -> Path:
    found = shutil.which(browser.expanduser())
    if found is None:
        raise NoBrowser(f"PROPSPIDER_BROWSER: {browser} is not a program that can be run")
    return Path(found)


def _newest_installed(browsers_path: Path | None) -> Path | None:
    folder = _playwright_folder(browsers_path)
    for pattern in _INSTALLED:
        runnable = [path for path in folder.glob(pattern) if path.is_file() and os.access(path, os.X_OK)]
        if runnable:
            return max(runnable, key=lambda path: _revision(path, folder))
    return None


def _revision(program: Path, folder: Path) -> int:
    revision = program.relative_to(folder).parts[0].rpartition("-")[2]
    return int(revision) if revision.isdecimal() else 0


def _playwright_folder(browsers_path: Path | None) -> Path:
    """Playwright's own rule; asking Playwright itself means starting Node."""
    if browsers_path == Path("0"):
        import playwright

        return Path(playwright.__file__).parent / "driver" / "package" / ".local-browsers"
    if browsers_path is not None:
        return browsers_path.expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    if sys.platform == "win32":
        return Path.home() / "AppData" / "Local" / "ms-playwright"
    return Path.home() / ".cache" / "ms-playwright"
