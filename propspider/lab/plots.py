"""The report of runs as one HTML page with plots. It asks for nothing from anywhere: its policy forbids it."""

import html
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from propspider.lab import report
from propspider.lab.outcomes import HORIZONS
from propspider.lab.report import MOST_WRONG, Fault
from propspider.lab.score import NAMES, Scorecard

_LAYOUT = {"template": "plotly_white", "height": 380, "margin": {"l": 60, "r": 20, "t": 50, "b": 50}}


def write_report(path: Path, cards: Sequence[Scorecard], faults: Sequence[Fault] = (), *, title: str = "propspider lab") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(cards, faults, title=title), encoding="utf-8")


def page(cards: Sequence[Scorecard], faults: Sequence[Fault] = (), *, title: str = "propspider lab") -> str:
    environment = Environment(
        loader=PackageLoader(__package__ or "", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html").render(
        title=title,
        plotly=get_plotlyjs(),
        cards=[(card, plots(card)) for card in cards],
        faults=faults,
        horizons=HORIZONS,
        most_wrong=MOST_WRONG,
        report=report,
    )


def plots(card: Scorecard) -> list[str]:
    """Each as a piece of HTML that needs Plotly on its page."""
    made = (_freshness(card), _latencies(card), _backlog(card), _tiers(card), _requests(card))
    return [to_html(figure, include_plotlyjs=False, full_html=False, config={"displaylogo": False}) for figure in made]


def _figure(title: str, x: str, y: str, traces: Sequence[Any], **layout: Any) -> go.Figure:
    figure = go.Figure(data=list(traces))
    figure.update_layout(**_LAYOUT, showlegend=True, title=title, xaxis_title=x, yaxis_title=y, **layout)
    return figure


def _label(text: str) -> str:
    """Plotly reads some tags in its labels."""
    return html.escape(text, quote=False)


def _freshness(card: Scorecard) -> go.Figure:
    lines = [
        go.Scatter(
            x=[one.at for one in samples],
            y=[getattr(one, name) for one in samples],
            name=label,
            line={"dash": dash},
            mode="lines",
        )
        for samples, dash, suffix in ((card.samples, "solid", ""), (card.still, "dot", ", doing nothing"))
        for name, label in (("f_core", f"F_core{suffix}"), ("f_all", f"F_all{suffix}"))
    ]
    return _figure("Freshness", "", "share of listings", lines)


def _latencies(card: Scorecard) -> go.Figure:
    """Share of the judged events that were known within so many hours: it ends where the missed ones begin."""
    lines = []
    for kind, name in NAMES.items():
        judged = [one.hours for one in card.outcomes if one.event.kind is kind and one.event.at + HORIZONS[kind] <= card.until]
        known = np.sort([hours for hours in judged if np.isfinite(hours)])
        shares = np.arange(1, len(known) + 1) / max(len(judged), 1)
        lines.append(
            go.Scatter(x=known.tolist(), y=shares.tolist(), name=f"{name} ({len(judged):,})", line={"shape": "hv"}, mode="lines")
        )
    return _figure("From the event to the row that knows it", "hours", "share of the judged events", lines)


def _backlog(card: Scorecard) -> go.Figure:
    at = [one.at for one in card.samples]
    lines = [
        go.Scatter(x=at, y=[one.backlog for one in card.samples], name="queued", mode="lines"),
        go.Scatter(x=at, y=[one.in_need for one in card.samples], name="in need, not queued", mode="lines"),
    ]
    ceiling = card.row("backlog, most").target
    if ceiling is not None and at:
        lines.append(go.Scatter(x=[at[0], at[-1]], y=[ceiling, ceiling], name="ceiling", line={"dash": "dash"}, mode="lines"))
    return _figure("Backlog", "", "listings", lines)


def _tiers(card: Scorecard) -> go.Figure:
    names = dict.fromkeys(run.name for run in card.runs)
    dots = [
        go.Scatter(
            x=[run.started_at for run in card.runs if run.name == name],
            y=[run.hours for run in card.runs if run.name == name],
            name=_label(name),
            mode="markers",
        )
        for name in names
    ]
    return _figure("Runs of tiers", "begun", "simulated hours", dots, yaxis_rangemode="tozero")


def _requests(card: Scorecard) -> go.Figure:
    days = sorted({day for day, _ in card.traffic.by_day})
    bars = [
        go.Bar(
            x=[card.since + timedelta(days=day) for day in days],
            y=[card.traffic.by_day.get((day, kind), 0) for day in days],
            name=_label(kind),
        )
        for kind in card.traffic.by_kind
    ]
    return _figure("Requests a day", "", "requests", bars, barmode="stack")
