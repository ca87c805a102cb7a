"""How complete a row is: the seed's weights, as data. `properties_live.data_completeness_score` is generated from them,
so that whoever writes a row leaves a true score; quality/scoring.py reads the same factors for an item.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True)
class Factor:
    """`present`: any column is not null. `longer`/`more`: the one column's text has, its JSON array holds, at least `minimum`."""

    name: str
    weight: Decimal
    test: Literal["present", "longer", "more"]
    columns: tuple[str, ...]
    minimum: int = 0

    def condition(self) -> str:
        """As SQL over the row."""
        if self.test == "present":
            return " OR ".join(f"{column} IS NOT NULL" for column in self.columns)
        size = "length" if self.test == "longer" else "jsonb_array_length"
        return f"{size}({self.columns[0]}) >= {self.minimum}"


FACTORS = (
    Factor("has_price", Decimal("0.20"), "present", ("price", "price_per_m2")),
    Factor("has_location", Decimal("0.20"), "present", ("latitude", "city")),
    Factor("has_description", Decimal("0.15"), "longer", ("description",), 1),
    Factor("has_images", Decimal("0.15"), "more", ("image_urls",), 1),
    Factor("has_contact_info", Decimal("0.10"), "present", ("agent_name", "agent_phone", "agent_email", "agency_name")),
    Factor(
        "has_property_details",
        Decimal("0.10"),
        "present",
        ("bedrooms", "bathrooms", "total_area_m2", "covered_area_m2", "lot_size_m2"),
    ),
    Factor("description_length", Decimal("0.05"), "longer", ("description",), 200),
    Factor("image_count", Decimal("0.05"), "more", ("image_urls",), 5),
)


def score_expression() -> str:
    """0.00–1.00 over a row of properties_live."""
    return " + ".join(f"CASE WHEN {factor.condition()} THEN {factor.weight} ELSE 0.00 END" for factor in FACTORS)
