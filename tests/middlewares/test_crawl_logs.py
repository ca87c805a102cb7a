import json
from pathlib import Path

from .loopback import Crawl, Crawled, Site


def _events(crawled: Crawled) -> list[str]:
    return [json.loads(line)["event"] for line in crawled.log.splitlines()]


def test_a_crawl_tells_its_beginning_and_end_and_nothing_about_scrapys_insides(site: Site, crawl: Crawl) -> None:
    crawled = crawl(site.url(), [site.url("/a")])
    opened, pages, *ends = _events(crawled)
    assert opened == "Spider opened"
    assert pages.startswith("Crawled 0 pages")
    assert ends == ["Closing spider (finished)", "Spider closed (finished)"]


def test_no_warning_of_anything_deprecated(site: Site, crawl: Crawl) -> None:
    crawled = crawl(site.url(), [site.url("/a")], callback="raises_in_async_generator", settings={"LOG_LEVEL": "DEBUG"})
    assert "Deprecat" not in crawled.log
    assert any("Crawled (200)" in event for event in _events(crawled))


def test_items_are_named_but_not_printed(site: Site, crawl: Crawl) -> None:
    crawled = crawl(site.url(), [site.url("/a")], callback="yields_a_person", settings={"LOG_LEVEL": "DEBUG"})
    assert crawled.items[0]["agent_name"] == "Ana Example"
    assert "Ana Example" not in crawled.log
    assert "Scraped PropertyItem pincali:EB-AA0001" in _events(crawled)


def test_command_line_settings_choose_the_file_and_silence_the_console(site: Site, crawl: Crawl, tmp_path: Path) -> None:
    file = tmp_path / "crawl.jsonl"
    crawled = crawl(site.url(), [site.url("/a")], settings={"LOG_ENABLED": False, "LOG_FILE": str(file)})
    assert crawled.log == ""
    first = file.read_text().splitlines()[0]
    assert json.loads(first)["event"] == "Spider opened"
