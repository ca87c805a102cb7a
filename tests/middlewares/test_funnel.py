import pytest

from .loopback import Crawl, Site


@pytest.mark.parametrize(
    ("callback", "items_before"),
    [("raises", 0), ("raises_in_coroutine", 0), ("raises_in_generator", 1), ("raises_in_async_generator", 1)],
)
def test_an_exception_in_a_callback_becomes_an_error_item(site: Site, crawl: Crawl, callback: str, items_before: int) -> None:
    crawled = crawl(site.url(), [site.url("/a?b=1")], callback=callback)
    assert crawled.items[:-1] == [{"before": True}] * items_before
    error = crawled.items[-1]
    assert error["error_type"] == "parse"
    assert error["message"] == "LookupError: no price here"
    assert error["url"] == "https://www.pincali.com/a?b=1"
    assert (error["portal"], error["status"], error["scope"], error["page"]) == ("pincali", 200, "sale", 4)
    assert error["claim"] == {"queue_id": 7, "lease_no": 3, "property_id": "pincali:EB-AA0001"}
    assert error["property_id"] == "pincali:EB-AA0001"
    assert crawled.stats["spider_exceptions/LookupError"] == 1
    assert "Traceback" in crawled.log


def test_a_request_to_close_the_spider_passes(site: Site, crawl: Crawl) -> None:
    crawled = crawl(site.url(), [site.url("/a")], callback="stops")
    assert crawled.items == []
    assert crawled.stats["finish_reason"] == "superseded"
