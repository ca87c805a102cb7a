"""What a simulation is of: how large a world, for how long, under which tiers, with what going wrong."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from propspider.lab import PORTAL
from propspider.lab.scale import FIELD_REQUESTS_PER_LISTING, Scale
from propspider.overrides import TierLevel, TierOverride

Policy = Literal["tiers", "full"]
"""`tiers`: the table's, by their calendar. `full`: the naive way, one full crawl after another."""


PACE_SECONDS = 2.0
"""What a portal is read at; the simulated time that a request costs is the scale's, and much longer."""


class Scenario(BaseModel):
    """Days are simulated ones. A full crawl that takes `first_load_days` comes first, then `warm_up_days` under the policy, then
    the `days` that are judged; faults count their days from the first of those.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    listings: int = Field(default=5_000, ge=100, le=1_000_000)
    seed: int = 1
    requests_per_listing: float = Field(default=FIELD_REQUESTS_PER_LISTING, gt=0)
    """And day."""
    policy: Policy = "tiers"
    first_load_days: float = Field(default=28, gt=0)
    warm_up_days: float = Field(default=45, ge=0)
    days: float = Field(default=30, gt=0)
    faults: tuple[str, ...] = ()
    """As `Fault.parse` reads them."""
    verify_method: Literal["head_get", "get"] | None = None
    """None = the portal's own."""
    world: Path | None = None
    """A file of parameters; None = the world as it is shipped."""
    tiers: dict[TierLevel, TierOverride] = Field(default_factory=dict)
    """In the field's figures."""

    @property
    def total_days(self) -> float:
        return self.first_load_days + self.warm_up_days + self.days

    @property
    def scale(self) -> Scale:
        return Scale(self.listings, self.requests_per_listing)

    @property
    def database(self) -> str:
        return f"propspider_lab_{self.name}"

    def environment(self, database_url: str) -> dict[str, str]:
        """Of the process that carries it out; its spiders read it."""
        scale, portal = self.scale, f"PROPSPIDER_PORTALS__{PORTAL.upper()}__"
        overrides = {
            f"{portal}TIERS__{level}__{name.upper()}": str(value)
            for level, changes in self.tiers.items()
            for name, value in changes.model_dump(exclude_none=True).items()
        }
        return {
            "DATABASE_URL": database_url,
            "DATABASE_DIRECT_URL": "",
            "SCRAPYD_URL": "",
            "PROPSPIDER_ALERT_URLS": "",
            "PROPSPIDER_ALLOW_PRIVATE": "1",
            f"{portal}DELAY_SECONDS": str(PACE_SECONDS),
            f"{portal}PAGE_CAP": str(scale.depth_cap),
            f"{portal}REQUESTS_PER_DAY": str(round(scale.requests_per_day)),
            f"{portal}QUEUE_CEILING": str(scale.queue_ceiling),
            f"{portal}VERIFY_METHOD": self.verify_method or "",
            **overrides,
        }
