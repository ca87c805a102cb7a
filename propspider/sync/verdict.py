"""What a walk of a scope proves. Pure: facts in, verdict and reasons out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    COMPLETE = "complete"
    """A listing that was not seen was not there, as far as `covers_all` or the covered parts reach."""
    PARTIAL = "partial"
    VOID = "void"
    """It says nothing at all."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Shares of 1, as portals.contract.SweepBounds."""

    complete_share: float = 0.98
    failed_share: float = 0.005
    parsed_share: float = 0.99
    void_share: float = 0.5


@dataclass(frozen=True, kw_only=True)
class PartFacts:
    """`distinct`: listings seen on the part's own pages; totals are None where no page stated one."""

    name: str
    parent: str | None = None
    is_split: bool = False
    first_total: int | None = None
    last_total: int | None = None
    distinct: int = 0
    cards: int = 0
    mismatched: int = 0
    cap_hit: bool = False

    @property
    def total(self) -> int | None:
        """The smaller of what the first and the last page stated."""
        stated = [total for total in (self.first_total, self.last_total) if total is not None]
        return min(stated, default=None)


@dataclass(frozen=True, kw_only=True)
class SweepFacts:
    """`pages_wanted`: 0 = all. `expected`: listings of the complete sweep before it. `interrupted`: why the walk did not come
    to its end. `parts` has at least the whole scope, named ''.
    """

    pages_wanted: int
    pages_fetched: int
    pages_failed: int
    cards: int
    entries: int
    distinct: int
    expected: int | None
    parts: Sequence[PartFacts]
    blocked: bool = False
    interrupted: str | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    verdict: Verdict
    reasons: tuple[str, ...]
    residual: int = 0
    covers_all: bool = False
    covered: frozenset[str] = frozenset()
    """Parts of which a listing that was not seen was not there; empty unless COMPLETE."""


MISMATCHED_SHARE = 0.01


def judge(facts: SweepFacts, bounds: Bounds) -> Judged:
    """COMPLETE only without any reason against it."""
    if void := _void(facts, bounds):
        return Judged(verdict=Verdict.VOID, reasons=void)
    parts = {part.name: part for part in facts.parts}
    children = _children(facts.parts)
    residual = sum(_residual(parts[name], of) for name, of in children.items() if name in parts and parts[name].is_split)
    reasons = tuple(_shortfalls(facts, parts, residual, bounds))
    if reasons:
        return Judged(verdict=Verdict.PARTIAL, reasons=reasons, residual=residual)
    covered = frozenset(name for name in parts if _is_covered(name, parts, children, bounds))
    said = (f"{residual:,} of {parts[''].total:,} listings stand in no part",) if residual else ()
    return Judged(verdict=Verdict.COMPLETE, reasons=said, residual=residual, covers_all="" in covered, covered=covered)


def _void(facts: SweepFacts, bounds: Bounds) -> tuple[str, ...]:
    if facts.blocked:
        return ("the portal blocked the crawl",)
    if not facts.cards:
        return ("no cards",)
    whole = facts.pages_wanted == 0 and facts.interrupted is None and not any(part.cap_hit for part in facts.parts)
    if whole and facts.expected and facts.distinct < bounds.void_share * facts.expected:
        share = facts.distinct / facts.expected
        return (f"{facts.distinct:,} listings are {share:.0%} of the {facts.expected:,} of the complete sweep before",)
    return ()


def _shortfalls(facts: SweepFacts, parts: Mapping[str, PartFacts], residual: int, bounds: Bounds) -> list[str]:
    reasons = []
    if facts.interrupted is not None:
        reasons.append(f"interrupted: {facts.interrupted}")
    if facts.pages_wanted:
        reasons.append(f"only the first {facts.pages_wanted:,} pages were wanted")
    capped = sorted(part.name or "the scope" for part in parts.values() if part.cap_hit)
    if capped:
        reasons.append(f"the portal shows no more pages of {_some(capped)}")
    total = parts[""].total if "" in parts else None
    if total is None:
        reasons.append("the portal states no total")
    elif facts.distinct < bounds.complete_share * total:
        outside = f"; {residual:,} stand in no part" if residual else ""
        reasons.append(f"{facts.distinct:,} of {total:,} stated listings were seen ({facts.distinct / total:.1%}){outside}")
    pages = facts.pages_fetched + facts.pages_failed
    if facts.pages_failed > bounds.failed_share * pages:
        reasons.append(f"{facts.pages_failed:,} of {pages:,} pages failed")
    if facts.entries < bounds.parsed_share * facts.cards:
        reasons.append(f"{facts.entries:,} of {facts.cards:,} cards could be read")
    ignored = sorted(part.name for part in parts.values() if not part.is_split and not _obeyed(part))
    if ignored:
        reasons.append(f"the portal ignored the filter of {_some(ignored)}")
    return reasons


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _obeyed(part: PartFacts) -> bool:
    return part.mismatched <= MISMATCHED_SHARE * part.cards


def _children(parts: Sequence[PartFacts]) -> dict[str, list[PartFacts]]:
    found: dict[str, list[PartFacts]] = defaultdict(list)
    for part in parts:
        if part.parent is not None:
            found[part.parent].append(part)
    return found


def _residual(part: PartFacts, children: Sequence[PartFacts]) -> int:
    return max(0, (part.total or 0) - sum(child.total or 0 for child in children))


def _is_covered(name: str, parts: Mapping[str, PartFacts], children: Mapping[str, Sequence[PartFacts]], bounds: Bounds) -> bool:
    part = parts[name]
    if part.is_split:
        of = children.get(name, ())
        # Those that add up leave nothing for a part that was not asked for.
        asked = [child for child in of if child.total is not None]
        return bool(asked) and not _residual(part, of) and all(_is_covered(one.name, parts, children, bounds) for one in asked)
    return part.total is not None and not part.cap_hit and _obeyed(part) and part.distinct >= bounds.complete_share * part.total
