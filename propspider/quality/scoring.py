"""The completeness of an item, by the factors that the live row's generated score uses."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from propspider.db.models.completeness import FACTORS, Factor


def completeness(row: Mapping[str, Any]) -> Decimal:
    """0.00–1.00 of a mapping of live's column names; a missing name counts as null."""
    return sum((factor.weight for factor in FACTORS if _holds(factor, row)), Decimal("0.00"))


def _holds(factor: Factor, row: Mapping[str, Any]) -> bool:
    if factor.test == "present":
        return any(row.get(column) is not None for column in factor.columns)
    value = row.get(factor.columns[0])
    return value is not None and len(value) >= factor.minimum
