"""What live was told, beside what was true: values that never were, prices that were right, listings wrongly called gone."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from propspider.lab.record import GONE, Record, Write
from propspider.lab.sample import Offers, read_offers, true_description, true_offers, true_title
from propspider.lab.truth import Event, Fact, Kind, Truth

_EVER = timedelta(days=3650)
_INSTANT = timedelta(microseconds=1)
_MARK = timedelta(days=1)
_CHANGES = frozenset({Kind.NEW, Kind.REPRICED, Kind.EDITED, Kind.OFFER_GONE, Kind.REMOVED, Kind.RELISTED})
_TEXTS: Mapping[str, Callable[[Fact], str | None]] = {"title": true_title, "description": true_description}


class Wrong(NamedTuple):
    """A write and what the truth said when its page was fetched, as text."""

    write: Write
    truth: str | None


class Past:
    """The truth at any moment of a span, asked for seldom: a day's answers serve whoever did not change on that day.
    What happens at a moment shows after it.
    """

    def __init__(self, truth: Truth, events: Sequence[Event], since: datetime, until: datetime) -> None:
        self._truth, self._since, self._until = truth, since, until
        self.facts = lru_cache(maxsize=6)(truth.facts)
        self._changed: defaultdict[str, list[datetime]] = defaultdict(list)
        for event in events:
            if event.kind in _CHANGES:
                self._changed[event.public_id].append(event.at)

    def fact(self, listing: str, at: datetime) -> Fact | None:
        """None for one that had never been shown."""
        if not self._since <= at <= self._until:
            return self.facts(at).get(listing)
        mark = self._since + (at - self._since) // _MARK * _MARK
        if not self._changes(listing, mark, at):
            return self.facts(mark).get(listing)
        after = min(mark + _MARK, self._until)
        return self.facts(at if self._changes(listing, at, after) else after).get(listing)

    def is_shown(self, listing: str, at: datetime) -> bool:
        fact = self.fact(listing, at)
        return fact is not None and fact.is_shown

    def ever(self, listing: str, until: datetime) -> Iterator[Fact]:
        """Every state of a listing up to a moment."""
        moments = [event.at - _INSTANT for event in self._truth.events(self._since - _EVER, until) if event.public_id == listing]
        for at in [*moments, until]:
            if (fact := self._truth.facts(at).get(listing)) is not None:
                yield fact

    def _changes(self, listing: str, since: datetime, until: datetime) -> bool:
        moments = self._changed.get(listing, [])
        return bisect_left(moments, since) != bisect_left(moments, until)


def wrong_values(record: Record, past: Past) -> list[Wrong]:
    """Offers, titles and descriptions written to live that were not true at any time until their page was fetched."""
    found = []
    for write in sorted((w for w in record.writes if w.field == "offers" or w.field in _TEXTS), key=lambda w: w.observed_at):
        fact = past.fact(write.public_id, write.observed_at)
        if fact is not None and _agrees(write, [fact]):
            continue
        if not _agrees(write, list(past.ever(write.public_id, write.observed_at))):
            found.append(Wrong(write, None if fact is None else _said(write.field, fact)))
    return found


def _agrees(write: Write, facts: Sequence[Fact]) -> bool:
    """An offer that is seen less often than its neighbour keeps its place: each is judged by itself."""
    if write.field in _TEXTS:
        return any(write.value == _TEXTS[write.field](fact) for fact in facts)
    stated, true = set(read_offers(write.value)), [set(true_offers(fact.offers)) for fact in facts]
    operations = {offer[0] for offer in stated}
    return all(any(offer in of for of in true) for offer in stated) and any({o[0] for o in of} <= operations for of in true)


def _said(field: str, fact: Fact) -> str | None:
    return _TEXTS[field](fact) if field in _TEXTS else str(true_offers(fact.offers))


Verdicts = dict[Literal["new", "price change", "removal", "relist"], list[bool]]


def verdicts(record: Record, past: Past, *, since: datetime, until: datetime) -> Verdicts:
    """Of each call that the database made in the span: whether it was right.

    New: the portal knows the listing. Price change: what was changed is what the portal showed when the page was fetched.
    Removal: the portal does not show the listing at the moment of the call. Relist: it shows it.
    """
    found: Verdicts = {"new": [], "price change": [], "removal": [], "relist": []}
    known = past.facts(until)
    gone: dict[str, bool] = {}
    for write in record.writes:
        if write.field == "listing_status":
            was, gone[write.public_id] = gone.get(write.public_id, False), write.value in GONE
            if write.at < since or was == gone[write.public_id]:
                continue
            if was:
                found["relist"].append(past.is_shown(write.public_id, write.observed_at))
            else:
                found["removal"].append(not past.is_shown(write.public_id, write.at))
        elif write.at < since:
            continue
        elif write.is_first and write.field == "title":
            found["new"].append(write.public_id in known)
        elif not write.is_first and write.field == "offers":
            found["price change"].append(_is_the_price(write, past))
    return found


def _is_the_price(write: Write, past: Past) -> bool:
    fact = past.fact(write.public_id, write.observed_at)
    true: Offers = true_offers(fact.offers) if fact is not None else ()
    now, before = read_offers(write.value), read_offers(write.former)
    dropped = {offer[0] for offer in before} - {offer[0] for offer in now}
    return set(now) - set(before) <= set(true) and not dropped & {offer[0] for offer in true}
