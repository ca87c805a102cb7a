"""Column vocabulary. Times are timestamptz in UTC, money is numeric with a currency beside it."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, MetaData, Numeric, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import UserDefinedType

APP_NOW = text("app_now()")

UuidPk = Annotated[uuid.UUID, mapped_column(UUID, primary_key=True, server_default=text("gen_random_uuid()"))]
BigIdPk = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
PropertyKey = Annotated[str, mapped_column(Text, primary_key=True)]
Moment = Annotated[datetime, mapped_column(TIMESTAMP(timezone=True))]
Now = Annotated[datetime, mapped_column(TIMESTAMP(timezone=True), server_default=APP_NOW)]
Money = Annotated[Decimal, mapped_column(Numeric(15, 2))]
Area = Annotated[Decimal, mapped_column(Numeric(14, 2))]
Share = Annotated[Decimal, mapped_column(Numeric(3, 2))]
Count = Annotated[int, mapped_column(server_default=text("0"))]
Json = Annotated[Any, mapped_column(JSONB)]


class Cube(UserDefinedType[str]):
    """The `cube` extension's type; read as its text form."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "cube"


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text}  # noqa: RUF012


def one_of(column: str, values: type[StrEnum] | Iterable[str]) -> CheckConstraint:
    """A closed vocabulary; NULL passes."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
