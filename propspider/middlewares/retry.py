"""What failed for a moment is tried again, later each time."""

from scrapy import Request
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.http import Response
from scrapy.settings import BaseSettings

from propspider import clock

LONGEST_SECONDS = 60.0
WAIT_KEY = "wait_seconds"
"""In a request's meta: how long it is to wait before it is sent, for a spider that asks again for what it could not read."""


class BackoffRetryMiddleware(RetryMiddleware):
    """Waits outside of the host's line, so that other requests go on; how long the host itself is left alone is up to pacing."""

    def __init__(self, settings: BaseSettings) -> None:
        super().__init__(settings)
        self._first_seconds = settings.getfloat("RETRY_BACKOFF_SECONDS")

    async def process_request(self, request: Request) -> None:
        if wait := request.meta.pop(WAIT_KEY, None):
            await clock.sleep(min(wait, LONGEST_SECONDS))

    async def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        answer: Request | Response = super().process_response(request, response)
        return await self._later(answer) if isinstance(answer, Request) else answer

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:  # type: ignore[override]
        again = super().process_exception(request, exception)
        return await self._later(again) if isinstance(again, Request) else None

    async def _later(self, again: Request) -> Request:
        await clock.sleep(min(self._first_seconds * 2.0 ** (again.meta["retry_times"] - 1), LONGEST_SECONDS))
        return again
