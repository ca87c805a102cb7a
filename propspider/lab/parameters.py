"""The parameters of a living portal, as `world.toml` states and explains them."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=24)]
"""Per listing and day."""
Factor = Annotated[float, Field(gt=0, le=100)]
Spread = Annotated[float, Field(ge=0, le=3)]
Bands = tuple[Factor, Factor, Factor]
Days = Annotated[float, Field(ge=1 / 24, le=36_500)]
MOST_LISTINGS = 1_000_000


class BadParameters(ValueError):
    """Says in one line which key of which file is wrong."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check_spans(self) -> "Section":
        for name, value in self:
            if name.endswith("_days") and isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{name} begins after its end")
        return self


class Listings(Section):
    arrivals: Rate = 0.01
    back_dated: Share = 0.05
    back_dated_days: tuple[Days, Days] = (5, 200)
    copies: Share = 0.06
    on_request: Share = 0.05
    per_m2: Share = 0.4
    in_dollars: Share = 0.12
    two_offers: Share = 0.025
    exact_location: Share = 0.6


class Agencies(Section):
    listings_each: Annotated[float, Field(ge=1)] = 25
    spread: Spread = 0.7
    life_spread: Spread = 0.3
    expiring: Share = 0.2
    expiry_days: Days = 180
    bumping: Share = 0.1


class Life(Section):
    mean_days: Annotated[float, Field(ge=1, le=3650)] = 100
    shape: Annotated[float, Field(ge=0.2, le=5)] = 0.8
    bands: Bands = (0.8, 1.0, 1.3)


class Removal(Section):
    not_found: Share = 0.70
    sold: Share = 0.12
    withdrawn: Share = 0.08
    redirect: Share = 0.10
    banner_days: Days = 45

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """In the order of `Manner`."""
        return self.not_found, self.sold, self.withdrawn, self.redirect

    @model_validator(mode="after")
    def _check_shares(self) -> "Removal":
        if not sum(self.shares):
            raise ValueError("not_found, sold, withdrawn and redirect cannot all be 0")
        return self


class Relist(Section):
    share: Share = 0.04
    gap_days: tuple[Days, Days] = (2, 30)


class Changes(Section):
    prices: Rate = 0.005
    edits: Rate = 0.02
    edits_with_price: Share = 0.3
    skew: Annotated[float, Field(ge=0.05, le=100)] = 0.6
    bands: Bands = (1.2, 1.0, 0.8)
    young_days: Days = 30
    young: Factor = 1.8
    old: Factor = 0.75
    bumps: Rate = 0.005
    renames: Rate = 0.0005
    rename_redirects: Share = 0.5
    offer_gone: Rate = 0.01


class Pages(Section):
    featured: Annotated[int, Field(ge=0, le=20)] = 3
    paid: Share = 0.01
    missed: Share = 0.01
    hard: Share = 0.005
    hard_missed: Share = 0.4


class Parameters(Section):
    """Of the defaults each may be left out; any other key is an error."""

    listings: Listings = Listings()
    agencies: Agencies = Agencies()
    life: Life = Life()
    removal: Removal = Removal()
    relist: Relist = Relist()
    changes: Changes = Changes()
    pages: Pages = Pages()


def read(path: Path | None = None) -> Parameters:
    """Of a TOML file, or of the `world.toml` that comes with the laboratory. Raises BadParameters."""
    name = "world.toml" if path is None else str(path)
    try:
        text = (files("propspider.lab") / "world.toml" if path is None else path).read_text("utf-8")
        found = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadParameters(f"{name}: {error}") from None
    return of(found, name)


def of(values: dict[str, Any], name: str = "parameters") -> Parameters:
    """Raises BadParameters, which says `name`."""
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "top level"
        said = "there is no such key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise BadParameters(f"{name}: {key}: {said[0].lower()}{said[1:]}{more}") from None
