"""What a simulation is of: how large a world, for how long, under which tiers, with what going wrong."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Policy = Literal["tiers", "full"]
"""`tiers`: the table's, by their calendar. `full`: the naive way, one full crawl after another."""


class Scenario(BaseModel):
    """Days are simulated ones. A full crawl that takes `first_load_days` comes first, then `warm_up_days` under the policy, then
    the `days` that are judged; faults count their days from the first of those.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    listings: int = Field(default=5_000, ge=100, le=1_000_000)
    seed: int = 1
    policy: Policy = "tiers"
    first_load_days: float = Field(default=28, gt=0)
    warm_up_days: float = Field(default=45, ge=0)
    days: float = Field(default=30, gt=0)
    faults: tuple[str, ...] = ()
    """As `Fault.parse` reads them."""
    world: Path | None = None
    """A file of parameters; None = the world as it is shipped."""
    tiers: dict[str, dict[str, float | int | str | bool]] = Field(default_factory=dict)
    """Overrides of the tier table by tier, as `[tiers.N]` of a portal.toml has them."""

    @property
    def total_days(self) -> float:
        return self.first_load_days + self.warm_up_days + self.days
