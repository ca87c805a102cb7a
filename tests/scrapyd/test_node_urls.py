"""SCRAPYD_URL: which nodes it names, and that nothing shows their passwords."""

import pytest

from propspider.config import load
from propspider.tiers.launch import ProcessLauncher
from propspider.tiers.scrapyd import ScrapydLauncher, launcher
from propspider.tiers.scrapyd_node import nodes


def test_several_nodes_with_and_without_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPYD_URL", "http://fleet:p%40ss%2C@node-1:6800, https://node-2/crawls , http://[::1]:6801/")
    config = load()
    assert config.scrapyd_url is not None
    found = nodes(config.scrapyd_url)
    assert [str(node) for node in found] == ["http://node-1:6800/", "https://node-2:443/crawls/", "http://[::1]:6801/"]
    first, second, _ = found
    assert first.authorization is not None
    assert first.authorization.get_secret_value() == "Basic ZmxlZXQ6cEBzcyw="
    assert second.authorization is None
    assert "p%40ss" not in repr(config)
    assert "ZmxlZXQ6" not in repr(found)


def test_crawls_are_processes_of_this_machine_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import create_engine

    engine = create_engine("postgresql+psycopg://")
    assert isinstance(launcher(load().scrapyd_url, engine), ProcessLauncher)
    monkeypatch.setenv("SCRAPYD_URL", "http://fleet:secret@node-1:6800")
    assert isinstance(launcher(load().scrapyd_url, engine), ScrapydLauncher)
