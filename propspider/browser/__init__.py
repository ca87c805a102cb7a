"""Rendering by a real Chromium, for portals whose pages are made by JavaScript. A plain crawl starts none of it."""


class BrowserUnavailable(Exception):
    """No browser can be started, so that no other request can do better."""
