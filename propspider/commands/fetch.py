"""One page, fetched as a spider would: own hosts, robots.txt, pace, our name. In a process of its own, which has one reactor."""

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from scrapy import Request
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from scrapy.settings import Settings
from twisted.python.failure import Failure
from web_poet import HttpResponse, HttpResponseHeaders

from propspider.items import CrawlError
from propspider.portals import Portal
from propspider.spiders.base import PortalSpider, SpiderArgs, SpiderArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping


class NotFetched(RuntimeError):
    """Why a page did not come; the message is one line."""


class PageArgs(SpiderArgs):
    url: str
    target: Path


class PageSpider(PortalSpider):
    """Writes the response to `target`, or why there is none; nothing is judged or stored."""

    name = "page"
    args_model: ClassVar[type[SpiderArgs]] = PageArgs
    args: PageArgs
    stores = False
    custom_settings = {"RETRY_TIMES": 1}  # noqa: RUF012 - Scrapy's name; somebody is waiting for the page

    @classmethod
    def check(cls, args: PageArgs, portal: Portal) -> None:
        if not portal.owns(args.url):
            raise SpiderArgumentError(f"{args.url} is not a page of {portal.name} ({', '.join(sorted(portal.hosts))})")

    async def start(self) -> AsyncIterator[Request]:
        yield Request(self.portal.fetch_url(self.args.url), self.parse, errback=self.lost, dont_filter=True)

    def parse(self, response: Response) -> None:
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, values in response.headers.items() for value in values
        ]
        page = {
            "url": self.portal.site_url(response.url),
            "status": response.status,
            "headers": headers,
            "body": base64.b64encode(response.body).decode(),
        }
        self.args.target.write_text(json.dumps(page), encoding="utf-8")

    def lost(self, failure: Failure) -> Iterator[CrawlError]:
        error = next(self.failed(failure), None)
        if error is not None:
            self.args.target.write_text(json.dumps({"error": f"{error.error_type.value}: {error.message}"}), encoding="utf-8")
        return iter(())


def fetch(portal: Portal, url: str, *, environment: "Mapping[str, str]") -> HttpResponse:
    """The response under the portal's own URL. Raises NotFetched, SpiderArgumentError."""
    with tempfile.TemporaryDirectory(prefix="propspider-page-") as folder:
        target = Path(folder) / "page.json"
        arguments = {"portal": portal.name, "url": url, "target": str(target)}
        if portal.is_mirrored:
            arguments["base_url"] = portal.base_url
        PageSpider.check(PageArgs.model_validate(arguments), portal)
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            input=json.dumps(arguments).encode(),
            env=environment,
            capture_output=True,
            check=False,
        )
        if not target.exists():
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise NotFetched(lines[-1] if lines else "the page was not fetched")
        page = json.loads(target.read_text(encoding="utf-8"))
    if "error" in page:
        raise NotFetched(page["error"])
    headers = HttpResponseHeaders([tuple(pair) for pair in page["headers"]])
    return HttpResponse(url=page["url"], body=base64.b64decode(page["body"]), status=page["status"], headers=headers)


def main() -> None:
    """The child: arguments as JSON on stdin."""
    settings = Settings()
    settings.setmodule("propspider.settings")
    process = AsyncCrawlerProcess(settings)
    process.crawl(PageSpider, **json.load(sys.stdin))
    process.start()


if __name__ == "__main__":
    main()
