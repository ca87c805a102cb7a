"""What a portal or an installation may change about a tier; None leaves the tier table alone."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

TierLevel = Annotated[int, Field(ge=1, le=4)]

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
"""As cron counts them: 0 and 7 are Sunday. APScheduler counts from Monday."""

_LEAP_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
_VARIABLE = re.compile(r"TIER_([0-9]+)_([A-Z_]+)")


def _cron(value: str) -> str:
    """Five fields, the days of the week by name. Raises ValueError."""
    from apscheduler.triggers.cron import CronTrigger

    fields = value.lower().split()
    if len(fields) != 5:
        raise ValueError(f"a cron expression has five fields, {value!r} has {len(fields)}")
    named = " ".join([*fields[:4], _named_days(fields[4])])
    try:
        trigger = CronTrigger.from_crontab(named, timezone="UTC")
    except (ValueError, LookupError) as error:
        raise ValueError(f"{value!r} is no cron expression: {error}") from None
    if trigger.get_next_fire_time(None, _LEAP_YEAR) is None:
        raise ValueError(f"{value!r} never comes")
    return named


def _named_days(field: str) -> str:
    return field if field == "*" else ",".join(day for part in field.split(",") for day in _days(part))


def _days(part: str) -> list[str]:
    """'1-5', '*/2', '0', 'fri-sun' → names."""
    span, _, step = part.partition("/")
    first, _, last = ("0", "-", "6") if span == "*" else span.partition("-")
    try:
        begin, stride = _day(first), int(step or 1)
        end = _day(last) if last else 6 if step else begin
    except ValueError:
        raise ValueError(f"{part!r} is no day of the week") from None
    if stride < 1:
        raise ValueError(f"{part!r} is no day of the week")
    return [DAYS[day % 7] for day in range(begin, end + (7 if end < begin else 0) + 1, stride)]


def _day(text: str) -> int:
    number = DAYS.index(text) if text in DAYS else int(text)
    if not 0 <= number <= 7:
        raise ValueError(text)
    return number


Cron = Annotated[str, AfterValidator(_cron)]


class TierOverride(BaseModel):
    """`frequency_hours` or `frequency_days`: the tier runs so long after its last start, instead of by the calendar.
    `pages` 0 = all; `max_items` 0 = no bound; `sample` is a share of 1 of the listings that are shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool | None = None
    cron: Cron | None = None
    """In the portal's time zone."""
    frequency_hours: float | None = Field(default=None, gt=0)
    frequency_days: float | None = Field(default=None, gt=0)
    pages: int | None = Field(default=None, ge=0)
    stale_days: float | None = Field(default=None, gt=0)
    sample: float | None = Field(default=None, ge=0, le=1)
    max_items: int | None = Field(default=None, ge=0)
    slower: float | None = Field(default=None, ge=1)
    """Times the portal's delay, for detail pages."""
    budget_hours: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        given = [self.cron, self.frequency_hours, self.frequency_days]
        if sum(one is not None for one in given) > 1:
            raise ValueError("cron, frequency_hours and frequency_days exclude each other")
        return self

    @property
    def every_hours(self) -> float | None:
        return 24 * self.frequency_days if self.frequency_days is not None else self.frequency_hours


def of_variables(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """TIER_1_PAGES=20 → {"1": {"pages": "20"}}; empty ones are unset."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in environment.items():
        if value and (named := _VARIABLE.fullmatch(name)):
            found.setdefault(named[1], {})[named[2].lower()] = value
    return found
