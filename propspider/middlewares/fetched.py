"""When a response arrived: the one time that says which of two observations is newer."""

from scrapy import Request
from scrapy.http import Response

from propspider import clock

META_KEY = "fetched_at"


class FetchedAtMiddleware:
    """Stands next to the downloader, so that a page that waits for its callback does not look newer than it is."""

    def process_response(self, request: Request, response: Response) -> Response:
        request.meta[META_KEY] = clock.now()
        return response
