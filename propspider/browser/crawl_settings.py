"""Scrapy's settings of a crawl that renders by browser."""

from scrapy.settings import BaseSettings

from propspider.browser import executable
from propspider.config import Config

PAGES = 4  # at once; 2 gave 104 pages a minute where 4 gave 131, on two cores
HEAP_MB = 512
"""Of one page's JavaScript. A page that wants more is lost, alone, before the machine is."""

# No proxy setting and no cookie: Scrapy logs the settings of a crawl.
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    f"--js-flags=--max-old-space-size={HEAP_MB}",
]
_HANDLER = "propspider.browser.handler.BrowserHandler"


def apply(settings: BaseSettings, config: Config) -> None:
    """To be called before the engine is made. Raises NoBrowser."""
    launch = {"executable_path": str(executable.find(config)), "args": ARGUMENTS, "headless": True}
    values = {
        "DOWNLOAD_HANDLERS": {**settings.getdict("DOWNLOAD_HANDLERS"), "http": _HANDLER, "https": _HANDLER},
        # Only what is rendering is under way, so that little is claimed ahead. The host's own limit stays higher: the
        # robots.txt that a page's script waits for is a request beside the four.
        "CONCURRENT_REQUESTS": PAGES,
        "PLAYWRIGHT_BROWSER_TYPE": "chromium",
        "PLAYWRIGHT_LAUNCH_OPTIONS": launch,
        "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": PAGES,
        "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": 0,  # the handler bounds a page as a whole
        "PLAYWRIGHT_PROCESS_REQUEST_HEADERS": None,  # a browser sends a browser's headers; its name is set on the context
    }
    for name, value in values.items():
        settings.set(name, value, "spider")
