"""What a verification found and what it weighs: frozen values and pure rules, as items.py without columns or I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from attrs import field, frozen

from propspider.fields.text import clean_line
from propspider.items import Claim


def _line(text: str) -> str:
    return clean_line(text) or ""


Method = Literal["HEAD", "GET"]
Outcome = Literal["confirmed_removed", "sold", "withdrawn"]


class Finding(StrEnum):
    """What an answer says of the listing that was asked for."""

    ALIVE = "alive"
    """Its own page, which reads as this listing."""
    GONE = "gone"
    """404 or 410 that is no wall."""
    GONE_PAGE = "gone_page"
    """200 with the portal's words for it."""
    SOLD = "sold"
    WITHDRAWN = "withdrawn"
    TO_SEARCH = "to_search"
    """Sent on to a listing walk."""
    # From here on nothing is known of the listing.
    TO_HOME = "to_home"
    TO_LOGIN = "to_login"
    OTHER_LISTING = "other_listing"
    OTHER_LANGUAGE = "other_language"
    """Perhaps its own page, but not as it was asked for."""
    BLOCKED = "blocked"
    REFUSED = "refused"
    SERVER_ERROR = "server_error"
    NO_RESPONSE = "no_response"
    REDIRECT_LOOP = "redirect_loop"
    OFF_SITE = "off_site"
    WRONG_PAGE = "wrong_page"
    UNREADABLE = "unreadable"
    # Of a HEAD only.
    ANSWERED = "answered"
    """A page is there; which, a GET tells."""
    REDIRECTED = "redirected"
    NO_HEAD = "no_head"


SURE = frozenset({Finding.GONE, Finding.GONE_PAGE, Finding.SOLD, Finding.WITHDRAWN})
GONE_LIKE = SURE | {Finding.TO_SEARCH}
NOTHING_THERE = frozenset({Finding.GONE, Finding.GONE_PAGE, Finding.TO_SEARCH, Finding.TO_HOME})
"""How a portal may answer for a listing that never existed."""
NO_ANSWER = frozenset({Finding.NO_RESPONSE, Finding.SERVER_ERROR})

SWEEP_WEIGHT = Decimal("0.25")
SWEEPS_AT_MOST = Decimal("0.50")
ENOUGH = Decimal("1.50")
SEARCHES_APART = timedelta(hours=20)
"""Two redirects to a search say something only on two days: one may be the portal's own trouble."""


def weight(method: Method, finding: Finding) -> Decimal:
    """Of one look within a valid batch. A HEAD weighs nothing: many servers answer it at random."""
    if method == "GET" and finding in SURE:
        return Decimal("1.00")
    return Decimal("0.50") if method == "GET" and finding is Finding.TO_SEARCH else Decimal(0)


@frozen
class Look:
    """One answer. URLs as the portal publishes them; `redirect_url` is where the answer sent or left us, None = nowhere else."""

    method: Method
    finding: Finding
    url: str = field(converter=_line)
    observed_at: datetime
    status: int | None = None
    redirect_url: str | None = field(default=None, converter=clean_line)
    detail: str | None = field(default=None, converter=clean_line)


@frozen
class VerificationItem:
    """A listing that may be gone and what its page answered, in the order in which it was asked; no look = not asked."""

    claim: Claim
    looks: tuple[Look, ...] = ()

    @property
    def property_id(self) -> str:
        return self.claim.property_id

    @property
    def finding(self) -> Finding | None:
        """A GET decides where HEAD and GET disagree."""
        return self.looks[-1].finding if self.looks else None


@frozen
class Control:
    """A listing seen alive today (`property_id`), or one that never existed (None), asked before or after the others."""

    place: Literal["opening", "closing"]
    look: Look
    property_id: str | None = None

    @property
    def is_alive(self) -> bool:
        return self.look.finding is Finding.ALIVE


@frozen
class VerificationBatch:
    """Listings asked about between opening and closing controls; judged as a whole or not at all."""

    portal: str
    items: tuple[VerificationItem, ...]
    controls: tuple[Control, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """Why nothing may be judged from it; empty for a valid batch."""
        opening = control_faults(self.controls, places=["opening"])
        blocked = [f"blocked at {item.property_id}" for item in self.items if item.finding is Finding.BLOCKED]
        # What was not asked any more is no fault of its own.
        return tuple(opening or blocked or control_faults(self.controls))


def control_faults(controls: Sequence[Control], *, places: Iterable[str] = ("opening", "closing")) -> list[str]:
    """`places`: whose controls are all in."""
    faults = []
    for place in places:
        placed = [control for control in controls if control.place == place]
        alive = [control for control in placed if control.property_id is not None]
        dead = [control for control in placed if control.property_id is None]
        if not any(control.is_alive for control in alive):
            faults.append(f"{place}: no listing seen today was found alive")
        if not dead:
            faults.append(f"{place}: no listing that never existed was asked for")
        faults += [_said(one, "answered") for one in placed if one.look.finding in NO_ANSWER | {Finding.BLOCKED}]
        faults += [
            _said(one, "for a listing that never existed")
            for one in dead
            if one.look.finding not in NOTHING_THERE | NO_ANSWER | {Finding.BLOCKED}
        ]
    lost = [one for one in controls if one.property_id is not None and not one.is_alive and one.look.finding not in NO_ANSWER]
    if len(lost) > 1:
        faults.append(f"{len(lost)} listings seen today were not found alive")
    return faults


def _said(control: Control, what: str) -> str:
    return f"{control.place}: {control.look.finding.value} {what} ({control.look.url})"


@dataclass(frozen=True)
class Weighed:
    """The evidence of one case. `sure` is the newest finding of a GET that leaves no doubt; searches from valid batches only."""

    sweeps: Decimal = Decimal(0)
    looks: Decimal = Decimal(0)
    sure: Finding | None = None
    search_batches: int = 0
    searches_span: timedelta = timedelta(0)

    @property
    def total(self) -> Decimal:
        return min(self.sweeps, SWEEPS_AT_MOST) + self.looks


def decide(weighed: Weighed) -> Outcome | None:
    """None: not enough is known."""
    if weighed.total < ENOUGH:
        return None
    if weighed.sure is Finding.SOLD:
        return "sold"
    if weighed.sure is Finding.WITHDRAWN:
        return "withdrawn"
    if weighed.sure is not None or (weighed.search_batches >= 2 and weighed.searches_span >= SEARCHES_APART):
        return "confirmed_removed"
    return None
