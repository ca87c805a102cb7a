"""What people and programs read of a scorecard."""

import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from propspider.lab import compare, outcomes, plots, report
from propspider.lab.record import Record, TierRun, Write
from propspider.lab.requests import balance, traffic
from propspider.lab.sample import Snapshot
from propspider.lab.sample import compare as sampled
from propspider.lab.score import Row, Scorecard
from propspider.lab.truth import Event, Kind
from propspider.lab.values import Wrong
from tests.builders import EARLY
from tests.lab.scoring import Logged, fact, hour, public, row

HOSTILE = '<img src=x onerror=alert(1)></script><a href="https://evil.example/">[bold]it[/bold]</a>'
DAY = timedelta(days=1)


def a_card(*rows: Row, seed: int = 7, hostile: str = HOSTILE) -> Scorecard:
    until = hour(24 * 30)
    events = [Event(at=hour(number), kind=Kind.NEW, public_id=public(number)) for number in range(10)]
    writes = [Write(hour(number + 2), hour(number + 1), public(number), "title", "x", None, True) for number in range(8)]
    judged = outcomes.judge(events, Record(writes=writes), until)
    samples = [sampled(Snapshot(rows={}), {public(1): fact(1)}, hour(at)) for at in (0, 24)]
    wrong = Wrong(a_title(hostile), hostile)
    return Scorecard(
        seed=seed,
        since=hour(0),
        until=until,
        rows=rows or (row(reason=hostile), row("backlog, most", value=3, target=10, better="lower", nothing=0, unit="listings")),
        events=outcomes.books(events, judged),
        requests=balance(3, [], hour(0)),
        traffic=traffic([Logged(hour(1), "GET", "/", 200, "detail"), Logged(hour(30), "GET", "/", 200, hostile)], hour(0), until),
        outcomes=judged,
        samples=samples,
        still=samples,
        runs=[TierRun(1, hostile, "completed", hour(2), 1.5)],
        wrong=[wrong],
    )


def a_title(value: str) -> Write:
    return Write(hour(1), hour(1), public(1), "title", value, None, False)


def printed(renderable: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=220).print(renderable)
    return out.getvalue()


def test_a_missed_target_is_printed_with_its_reason_and_a_vacuous_one_is_marked() -> None:
    lost = row("rows lost", value=0, target=0, better="lower", nothing=0, unit="listings")
    text = printed(report.render(a_card(row(reason="1,200 requests a day are less than 1,500 events"), lost)))
    assert "MISS new in 24 h: 50.00 %, at least 95.00 %: 1,200 requests a day are less than 1,500 events" in text
    assert "ok, VACUOUS" in text
    assert "-45.00 %" in text
    assert "missed: never stored" in text


def test_hostile_text_is_printed_as_it_stands() -> None:
    text = re.sub(r"\s+", "", printed(report.render(a_card())))
    assert "[bold]it[/bold]" in text


def test_faults_are_one_line_each() -> None:
    text = printed(report.render_faults([("wall_404:0.3@3..5", a_card()), (HOSTILE, a_card(row(value=1)))]))
    assert "wall_404:0.3@3..5" in text
    assert "50.00 % MISS" in text
    assert "[bold]it[/bold]" in re.sub(r"[\s│]+", "", text)


@pytest.fixture(scope="module")
def html() -> str:
    return plots.page([a_card()], [(HOSTILE, a_card())], title=HOSTILE)


def without_plotly(html: str) -> str:
    from plotly.offline import get_plotlyjs

    assert get_plotlyjs() in html
    return html.replace(get_plotlyjs(), "")


def test_a_page_escapes_what_the_portal_said(html: str) -> None:
    own = without_plotly(html)
    assert "<img" not in own
    assert 'evil.example/"' not in own
    assert own.count("&lt;img src=x onerror=alert(1)&gt;") >= 5
    assert "\\u003cimg" not in own  # Plotly reads tags in its labels


def test_a_page_asks_for_nothing(html: str) -> None:
    own = without_plotly(html)
    assert "default-src 'none'" in own
    assert re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", own) == []
    assert own.count('class="plotly-graph-div"') == 5


def test_a_report_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "build" / "lab.html"
    plots.write_report(path, [a_card()])
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


# --- JSON ---


def test_results_hold_rows_and_faults(tmp_path: Path) -> None:
    path = tmp_path / "build" / "lab.json"
    report.write_results(path, report.results([a_card(), a_card(row(seed=8), seed=8)], [("reset", a_card())], listings=5000))
    document = json.loads(path.read_text(encoding="utf-8"))
    assert [(one["name"], one["value"], one["target"], one["better"], one["seed"]) for one in document["rows"][:2]] == [
        ("new in 24 h", 0.5, 0.95, "higher", 7),
        ("backlog, most", 3, 10, "lower", 7),
    ]
    assert [one["seed"] for one in document["rows"]] == [7, 7, 8]
    assert {one["fault"] for one in document["faults"]} == {"reset"}
    assert (document["listings"], document["rows"][1]["vacuous"], document["rows"][0]["reason"]) == (5000, True, HOSTILE)
    card, _ = document["cards"]
    assert card["horizons_days"]["removed"] == 21
    assert card["samples"][0]["f_core"] == 0
    assert card["samples"][0]["at"] == EARLY.isoformat()
    assert compare.load(path) == document


# --- two configurations ---


def of(*rows: Row, faults: tuple[Row, ...] = ()) -> dict[str, Any]:
    return report.results([a_card(*rows)], [("reset", a_card(*faults))] if faults else [])


def test_two_results_row_by_row() -> None:
    a = of(row(value=0.9), row("F_all, mean", value=0.8, target=None), row("backlog, most", value=3, better="lower"))
    b = of(row(value=0.97), row("F_all, mean", value=0.8, target=None), row("backlog, most", value=5, better="lower"))
    found = compare.compare(a, b)
    assert [(one.name, one.winner) for one in found] == [("new in 24 h", "b"), ("F_all, mean", "same"), ("backlog, most", "a")]
    assert (found[0].a, found[0].b, found[0].difference) == (0.9, 0.97, pytest.approx(0.07))
    text = printed(compare.render(found, names=("tiers", "adaptive")))
    assert "7.00 %" in text
    assert "adaptive" in text
    assert compare.differences_json(found)[0]["winner"] == "b"


def test_what_only_one_of_them_has_is_shown_and_wins_nothing() -> None:
    a = of(row(), faults=(row("false removals", value=0, target=0, better="lower"),))
    b = of(row(value=None), row("hot_listings runs", value=4, target=None))
    found = {(one.name, one.fault): one for one in compare.compare(a, b)}
    assert {key: one.winner for key, one in found.items()} == {
        ("new in 24 h", None): "unknown",
        ("false removals", "reset"): "unknown",
        ("hot_listings runs", None): "unknown",
    }


@pytest.mark.parametrize(
    "document",
    [{"rows": [row_of | {"seed": 8} for row_of in of(row())["rows"]]}, {"rows": [{"name": "x"}]}],
)
def test_results_of_other_seeds_are_not_compared(document: dict[str, Any]) -> None:
    with pytest.raises(compare.NotComparable, match=r"seed"):
        compare.compare(of(row()), document)


@pytest.mark.parametrize("text", ["{", "[]", '{"rows": 3}', None])
def test_what_is_no_result_is_told_by_its_path(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(compare.NotComparable, match=re.escape(str(path))):
        compare.load(path)
