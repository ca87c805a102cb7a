"""A portal that misbehaves: faults with a rate and a window, repeatable by their seed, as a middleware of the laboratory."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cached_property, partial
from hashlib import blake2b
from typing import Literal, get_args

from aiohttp import web
from attrs import Factory, frozen

from propspider.lab.fault_answers import FAULT, KIND, Handler, Hit, RequestKind
from propspider.lab.fault_kinds import FAULTS, FaultKind
from propspider.lab.pages import DETAIL_ROOTS
from propspider.lab.scopes import LISTING_ROOTS

__all__ = [
    "FAULT",
    "FAULTS",
    "KIND",
    "PATIENCE",
    "Fault",
    "FaultError",
    "FaultKind",
    "Faults",
    "RequestKind",
    "is_hit",
    "kind_of",
    "uniform",
]

By = Literal["request", "path"]
PATIENCE = 30.0
"""The crawler's time-out in seconds."""
_DAY = timedelta(days=1)
_KIND_OF_ROOT: Mapping[str, RequestKind] = {
    **{root + "/": "listing" for root in LISTING_ROOTS.values()},
    **{root + "/": "detail" for root in DETAIL_ROOTS.values()},
    "/sitemap": "sitemap",
    "/robots.txt": "robots",
}


class FaultError(ValueError):
    """A fault that there is not, or not so: one line that names what is wrong."""


@frozen(slots=False, kw_only=True)
class Fault:
    """`rate` is the share of requests that are hit, `onset` and `end` are days of the run (onset <= day < end; None = no bound).

    Options are texts. Every fault takes two beside its own: `on` narrows the kinds of requests (`listing+detail`); `by=path`
    hits a share of paths, each of them every time, where `by=request` leaves a second try its own chance.
    """

    name: str
    rate: float = 1.0
    onset: float | None = None
    end: float | None = None
    options: Mapping[str, str] = Factory(dict)

    def __attrs_post_init__(self) -> None:
        _check_name(self.name)
        if not 0 <= self.rate <= 1:
            raise FaultError(f"{self.name}: the rate is from 0 to 1, not {self.rate:g}")
        if self.onset is not None and self.end is not None and not self.onset < self.end:
            raise FaultError(f"{self.name}: ends on day {self.end:g} and begins on day {self.onset:g}")
        own = FAULTS[self.name].options
        for key in self.options:
            if key not in {"on", "by", *own}:
                raise FaultError(f"{self.name}: no option {key!r}; there are: {', '.join((*own, 'on', 'by'))}")
        if self.by not in get_args(By):
            raise FaultError(f"{self.name}: by is one of request, path, not {self.by!r}")
        if not self.kinds or not set(self.kinds) <= set(FAULTS[self.name].kinds):
            raise FaultError(f"{self.name}: on is of {'+'.join(FAULTS[self.name].kinds)}, not {self.options['on']!r}")
        _ = self.values

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """`name[:rate][@onset..end][,option=value]…`; raises FaultError."""
        head, *parts = text.strip().split(",")
        head, has_window, window = head.partition("@")
        name, has_rate, rate = head.partition(":")
        _check_name(name)
        onset, end = _window(name, window) if has_window else (None, None)
        options = {}
        for part in parts:
            key, is_given, value = part.partition("=")
            if not is_given or not value or key in options:
                raise FaultError(f"{name}: {part!r} is no option: one is written option=value, once")
            options[key] = value
        return cls(name=name, rate=_number(name, "rate", rate) if has_rate else 1.0, onset=onset, end=end, options=options)

    def __str__(self) -> str:
        onset, end = (_text(one) if one is not None else "" for one in (self.onset, self.end))
        window = f"@{onset}..{end}" if onset or end else ""
        return f"{self.name}:{_text(self.rate)}{window}" + "".join(f",{key}={value}" for key, value in self.options.items())

    @property
    def by(self) -> str:
        return self.options.get("by", "request")

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        on = self.options.get("on")
        return FAULTS[self.name].kinds if on is None else tuple(on.split("+"))

    @cached_property
    def values(self) -> dict[str, float | str]:
        """Of the fault's own options."""
        values = {}
        for key, option in FAULTS[self.name].options.items():
            try:
                values[key] = option.read(self.options[key]) if key in self.options else option.default
            except ValueError:
                raise FaultError(f"{self.name}: {key} is {option.allowed}, not {self.options[key]!r}") from None
        return values

    def is_on(self, day: float) -> bool:
        return (self.onset is None or self.onset <= day) and (self.end is None or day < self.end)

    def touches(self, method: str, kind: str) -> bool:
        return kind in self.kinds and method in FAULTS[self.name].methods


def uniform(*parts: object) -> float:
    """In [0, 1), the same for the same parts."""
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def is_hit(fault: Fault, seed: int, *, method: str, path: str, time: int) -> bool:
    """`path` with its query; `time` says the how-manieth request this is for the method and path."""
    which = (path,) if fault.by == "path" else (method, path, time)
    return uniform(seed, fault.name, *which) < fault.rate


def kind_of(path: str) -> RequestKind:
    return next((kind for root, kind in _KIND_OF_ROOT.items() if path.startswith(root)), "other")


class Faults:
    """Gives the faults that are on to an application, as its `middleware`; of several that hit a request the first answers,
    with a page that the others have changed. `request[FAULT]` names those that did.

    `now` is asked for the time of each request; day 0 of the run is `start` (both aware). `spend` is told, in the server's
    thread, of simulated seconds that a fault takes. `patience` is the crawler's time-out in simulated seconds; a connection is
    held for `real_seconds` in its stead, and for less in proportion.
    """

    def __init__(
        self,
        faults: Iterable[Fault],
        *,
        seed: int,
        now: Callable[[], datetime],
        start: datetime,
        spend: Callable[[float], None] = lambda _: None,
        real_seconds: float = PATIENCE,
        patience: float = PATIENCE,
    ) -> None:
        self.faults = tuple(faults)
        """May be set anew, from any thread."""
        self.applied: Counter[str] = Counter()
        """How often each has changed an answer."""
        self.seed = seed
        self.now = now
        self.start = start
        self.spend = spend
        self.real_seconds = real_seconds
        self.patience = patience
        self._asked: Counter[tuple[str, str]] = Counter()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        kind = request[KIND]
        self._asked[request.method, request.path_qs] += 1
        time = self._asked[request.method, request.path_qs]
        day = (self.now() - self.start) / _DAY
        for fault in reversed(self.faults):
            if (
                fault.is_on(day)
                and fault.touches(request.method, kind)
                and is_hit(fault, self.seed, method=request.method, path=request.path_qs, time=time)
            ):
                handler = partial(self._answer, fault, kind, time, handler)
        return await handler(request)

    async def _answer(self, fault: Fault, kind: str, time: int, handler: Handler, request: web.Request) -> web.StreamResponse:
        which = () if fault.by == "path" else (request.path_qs, time)
        hit = Hit(
            request=request,
            handler=handler,
            kind=kind,
            options=fault.values,
            chance=lambda text: uniform(self.seed, fault.name, "within", *which, text),
            hold=self._hold,
            patience=self.patience,
        )
        answer = await FAULTS[fault.name].answer(hit)
        if answer is None:
            return await hit.served()
        self.applied[fault.name] += 1
        request[FAULT] = f"{request[FAULT]}+{fault.name}" if FAULT in request else fault.name
        return answer

    async def _hold(self, seconds: float) -> None:
        self.spend(seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), seconds * self.real_seconds / self.patience)


def _check_name(name: str) -> None:
    if name not in FAULTS:
        close = get_close_matches(name, FAULTS, n=3)
        raise FaultError(f"no fault {name!r}; {'close to it' if close else 'there are'}: {', '.join(close or FAULTS)}")


def _window(name: str, text: str) -> tuple[float | None, float | None]:
    onset, is_window, end = text.partition("..")
    if not is_window:
        raise FaultError(f"{name}: a window is written onset..end, in days, not {text!r}")
    return (
        _number(name, "onset", onset) if onset else None,
        _number(name, "end", end) if end else None,
    )


def _number(name: str, what: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise FaultError(f"{name}: {what} is a number, not {text!r}")
    return number


def _text(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(number)
