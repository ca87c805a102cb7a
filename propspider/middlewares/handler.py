"""How a request gets on the wire: once."""

from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler


class OnceHandler(HTTP11DownloadHandler):
    """Twisted repeats a request by itself, at once, when a connection that was kept breaks: without a turn and uncounted."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool.retryAutomatically = False
