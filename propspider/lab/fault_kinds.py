"""The faults there are: what each does, to which requests, and how it is tried on a laboratory."""

from collections.abc import Mapping

from attrs import Factory, frozen

from propspider.lab import fault_answers as answers
from propspider.lab import fault_pages
from propspider.lab.fault_answers import Answer, RequestKind, changing

EVERYWHERE: tuple[RequestKind, ...] = ("listing", "detail", "sitemap", "robots", "other")
CONTENT: tuple[RequestKind, ...] = ("listing", "detail", "sitemap", "other")
PAGES: tuple[RequestKind, ...] = ("listing", "detail")


@frozen(kw_only=True)
class Option:
    """One of `choices`; a number from `least` to `most` where there are none."""

    default: float | str
    choices: tuple[str, ...] = ()
    least: float = 0.0
    most: float = float("inf")

    @property
    def allowed(self) -> str:
        if self.choices:
            return "one of " + ", ".join(self.choices)
        return f"a number from {self.least:g}" + (f" to {self.most:g}" if self.most < float("inf") else "")

    def read(self, text: str) -> float | str:
        """Raises ValueError."""
        if self.choices:
            if text not in self.choices:
                raise ValueError(text)
            return text
        value = float(text)
        if not self.least <= value <= self.most or value == float("inf"):
            raise ValueError(text)
        return value


@frozen(kw_only=True)
class FaultKind:
    """`kinds` and `methods` are those of the requests that it can touch; `scenario` is a specification that hurts: 1,000
    listings, from the third to the fifth day of ten.
    """

    what: str
    kinds: tuple[RequestKind, ...]
    answer: Answer
    scenario: str
    methods: tuple[str, ...] = ("GET", "HEAD")
    options: Mapping[str, Option] = Factory(dict)


GET = ("GET",)
HEAD = ("HEAD",)
SHARE = Option(default=0.0, most=0.99)

FAULTS: Mapping[str, FaultKind] = {
    "refused": FaultKind(
        what="the connection is reset before any byte of an answer",
        kinds=EVERYWHERE,
        answer=answers.refused,
        scenario="refused:0.5@3..5",
    ),
    "reset": FaultKind(
        what="the connection is reset in the middle of the body",
        kinds=EVERYWHERE,
        methods=GET,
        answer=answers.reset,
        scenario="reset:0.3@3..5",
    ),
    "timeout": FaultKind(
        what="no answer for as long as the crawler waits; then the connection is reset",
        kinds=EVERYWHERE,
        answer=answers.timeout,
        scenario="timeout:0.05@3..5",
    ),
    "slow_body": FaultKind(
        what="the body takes `seconds` to arrive, in four pieces",
        kinds=EVERYWHERE,
        methods=GET,
        answer=answers.slow_body,
        scenario="slow_body:0.1@3..5,seconds=20",
        options={"seconds": Option(default=20.0)},
    ),
    "status_429": FaultKind(
        what="429 with Retry-After of `retry_after` seconds",
        kinds=CONTENT,
        answer=answers.busy,
        scenario="status_429:0.05@3..5,retry_after=60",
        options={"retry_after": Option(default=60.0, most=86_400)},
    ),
    "status_503": FaultKind(
        what="503, as a light throttle",
        kinds=EVERYWHERE,
        answer=answers.unavailable,
        scenario="status_503:0.3@3..5",
    ),
    "challenge_202": FaultKind(
        what="202 with a challenge: its `body` is a page of scripts, or empty",
        kinds=CONTENT,
        answer=answers.challenge,
        scenario="challenge_202:1@3..5",
        options={"body": Option(default="page", choices=("page", "empty"))},
    ),
    "bot_wall": FaultKind(
        what="200 with a wall, by `markers`: those that the portal's file names, or none and nothing of a page either",
        kinds=CONTENT,
        answer=answers.bot_wall,
        scenario="bot_wall:1@3..5,markers=none",
        options={"markers": Option(default="named", choices=("named", "none"))},
    ),
    "wall_404": FaultKind(
        what="404 for what is there, with a `page`: the portal's own for what it does not find, or a challenge",
        kinds=CONTENT,
        answer=answers.wall_404,
        scenario="wall_404:0.3@3..5,by=path",
        options={"page": Option(default="own", choices=("own", "challenge"))},
    ),
    "soft_404": FaultKind(
        what="200 with the page for what is not found, `of` all or only of what is gone; it `says` nothing, or that it is gone",
        kinds=PAGES,
        answer=answers.soft_404,
        scenario="soft_404:0.3@3..5,says=gone,by=path",
        options={
            "of": Option(default="all", choices=("all", "gone")),
            "says": Option(default="nothing", choices=("nothing", "gone")),
        },
    ),
    "to_search": FaultKind(
        what="a redirect: of a listing to the first page of a walk, of a further page of a walk to its first",
        kinds=PAGES,
        answer=answers.to_search,
        scenario="to_search:0.5@3..5",
    ),
    "to_login": FaultKind(
        what="a redirect to the login page",
        kinds=PAGES,
        answer=answers.to_login,
        scenario="to_login:1@3..5",
    ),
    "to_locale": FaultKind(
        what="a redirect from an English page to the same in Spanish",
        kinds=PAGES,
        answer=answers.to_locale,
        scenario="to_locale:1@3..5",
    ),
    "empty_list": FaultKind(
        what="200 with a listing page without cards; its `total` is zero, or what it was",
        kinds=("listing",),
        methods=GET,
        answer=changing(answers.empty_list),
        scenario="empty_list:1@3..5",
        options={"total": Option(default="zero", choices=("zero", "kept"))},
    ),
    "repeated_page": FaultKind(
        what="a further page of a walk shows another one again: the first, or the previous",
        kinds=("listing",),
        methods=GET,
        answer=changing(answers.repeated_page),
        scenario="repeated_page:0.3@3..5,of=previous",
        options={"of": Option(default="first", choices=("first", "previous"))},
    ),
    "lost_cards": FaultKind(
        what="a listing page lacks a `share` of its cards under an unchanged total; by path, the same listings on every page",
        kinds=("listing",),
        methods=GET,
        answer=changing(answers.lost_cards),
        scenario="lost_cards:1@3..5,share=0.015,by=path",
        options={"share": Option(default=0.1, least=0.001, most=1.0)},
    ),
    "reordered_cards": FaultKind(
        what="an unstable order: the cards of `pages` neighbouring pages are drawn anew for each request",
        kinds=("listing",),
        methods=GET,
        answer=changing(answers.reordered_cards),
        scenario="reordered_cards:0.3@3..5",
        options={"pages": Option(default=2.0, least=1, most=10)},
    ),
    "half_page": FaultKind(
        what="the first `share` of a page (0: up to anywhere), with the Content-Length of what is sent",
        kinds=PAGES,
        methods=GET,
        answer=answers.half_page,
        scenario="half_page:0.3@3..5",
        options={"share": SHARE},
    ),
    "cut_page": FaultKind(
        what="the first `share` of a page (0: up to anywhere), with the Content-Length of the whole; then the end",
        kinds=PAGES,
        methods=GET,
        answer=answers.cut_page,
        scenario="cut_page:0.3@3..5",
        options={"share": SHARE},
    ),
    "dead_selector": FaultKind(
        what="changed markup: a class, `of` cards or of details, is called otherwise",
        kinds=PAGES,
        methods=GET,
        answer=changing(answers.dead_selector),
        scenario="dead_selector:1@3..5,of=price",
        options={"of": Option(default="property__component", choices=fault_pages.CLASSES)},
    ),
    "lost_field": FaultKind(
        what="changed markup: a `field` is nowhere on the page",
        kinds=PAGES,
        methods=GET,
        answer=changing(answers.lost_field),
        scenario="lost_field:1@3..5,field=bedrooms",
        options={"field": Option(default="price", choices=fault_pages.FIELDS)},
    ),
    "currency_flip": FaultKind(
        what="amounts in the other currency are `shown` as if they were in this one",
        kinds=PAGES,
        methods=GET,
        answer=changing(answers.currency_flip),
        scenario="currency_flip:1@3..5",
        options={"shown": Option(default="USD", choices=("USD", "MXN"))},
    ),
    "head_404": FaultKind(
        what="HEAD is 404 where GET is 200",
        kinds=("detail",),
        methods=HEAD,
        answer=answers.head_404,
        scenario="head_404:1@3..5",
    ),
    "head_200": FaultKind(
        what="HEAD is 200 where GET is 404",
        kinds=("detail",),
        methods=HEAD,
        answer=answers.head_200,
        scenario="head_200:1@3..5",
    ),
    "shrinking_total": FaultKind(
        what="the stated total falls from page to page, each time by a share `step` of it",
        kinds=("listing",),
        methods=GET,
        answer=changing(answers.shrinking_total),
        scenario="shrinking_total:1@3..5,step=0.02",
        options={"step": Option(default=0.05, least=0.001, most=0.99)},
    ),
    "robots_closed": FaultKind(
        what="robots.txt disallows everything",
        kinds=("robots",),
        methods=GET,
        answer=answers.robots_closed,
        scenario="robots_closed:1@3..5",
    ),
    "robots_delay": FaultKind(
        what="robots.txt asks for a crawl delay of `delay` seconds",
        kinds=("robots",),
        methods=GET,
        answer=answers.robots_delay,
        scenario="robots_delay:1@3..5,delay=10",
        options={"delay": Option(default=10.0, most=3600)},
    ),
}
