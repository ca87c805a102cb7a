from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propspider.fields import money
from propspider.fields.money import LIMIT, ON_REQUEST, Price, read_price
from propspider.fields.reading import Reading
from propspider.items import Offer, Operation, PriceKind, PriceUnit

MILLION = Decimal(1_000_000)


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("$4,650,000", "4650000", "MXN"),
        ("$15,800,000 MXN", "15800000", "MXN"),
        ("US$ 12,000", "12000", "USD"),
        ("US$193,000", "193000", "USD"),
        ("USD 1,200.50", "1200.50", "USD"),
        ("€ 250.000", "250000", "EUR"),
        ("EUR 250,000", "250000", "EUR"),
        ("DKK 3.200.000", "3200000", "DKK"),
        ("DKK 3.200.000,-", "3200000", "DKK"),
        ("$12,500 / mes", "12500", "MXN"),
        ("$10,100 pesos / month", "10100", "MXN"),
        ("$12,500 mensuales", "12500", "MXN"),
        ("$1.5M", "1500000", "MXN"),
        ("1.5 MDP", "1500000", "MXN"),
        ("2½ MDP", "2500000", "MXN"),
        ("2 MDD", "2000000", "USD"),
        ("$25 millones de pesos", "25000000", "MXN"),
        ("250K", "250000", "MXN"),
        ("746313", "746313", "MXN"),
        ("$\xa04\u202f650\xa0000", "4650000", "MXN"),
        ("＄４，６５０，０００", "4650000", "MXN"),
        ("1,234.50", "1234.50", "MXN"),
        ("1.234,50", "1234.50", "MXN"),
        ("1 234,50", "1234.50", "MXN"),
        ("1'234'567", "1234567", "MXN"),
        ("$.50", "0.50", "MXN"),
        ("$1,250,000.00 M.N.", "1250000", "MXN"),
        ("MXN$ 5,000", "5000", "MXN"),
        ("Price: $5,000", "5000", "MXN"),
        ("$1.250M", "1250000", "MXN"),
        ("$1,000 - $1,000", "1000", "MXN"),
    ],
)
def test_an_exact_price(text: str, amount: str, currency: str) -> None:
    price = read_price(text, currency="MXN").value
    assert price is not None
    assert (price.kind, price.amount, price.currency, price.unit) == (
        PriceKind.EXACT,
        Decimal(amount),
        currency,
        PriceUnit.TOTAL,
    )


@pytest.mark.parametrize(
    ("text", "own", "currency", "stated"),
    [
        ("$5", "USD", "USD", False),
        ("3.200.000 kr.", "DKK", "DKK", False),
        ("3.200.000 kr", "SEK", "SEK", False),
        ("5,000 pesos", "COP", "COP", False),
        ("$5 MXN", "USD", "MXN", True),
        ("1.5 MDP", "USD", "MXN", True),
    ],
)
def test_a_sign_of_several_currencies_means_the_portals_own(text: str, own: str, currency: str, stated: bool) -> None:
    price = read_price(text, currency=own).value
    assert price is not None
    assert (price.currency, price.currency_stated) == (currency, stated)


@pytest.mark.parametrize("text", ["From $1,200,000", "Desde $1,200,000", "A partir de $1.2M", "Precio desde 1,200,000 MXN"])
def test_a_price_from(text: str) -> None:
    price = read_price(text, currency="MXN").value
    assert price == Price(kind=PriceKind.FROM, amount=Decimal(1_200_000), currency="MXN", currency_stated="MXN" in text)


@pytest.mark.parametrize(
    "text",
    [
        "$1,000,000 - $2,000,000",
        "$1,000,000 – $2,000,000",
        "Desde $1,000,000 hasta $2,000,000",
        "$1,000,000 to $2,000,000",
        "$1 - 2M",
    ],
)
def test_a_range(text: str) -> None:
    price = read_price(text, currency="MXN").value
    assert price == Price(kind=PriceKind.RANGE, amount=MILLION, amount_max=2 * MILLION, currency="MXN")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$8,800 MXN por m²", "8800"),
        ("$8,800 MXN per m2", "8800"),
        ("$8,800/m²", "8800"),
        ("$8,800 MXN el m2", "8800"),
        ("$8,800 por metro cuadrado", "8800"),
        ("$0.50 MXN por m²", "0.50"),
    ],
)
def test_a_price_per_square_meter_is_no_total(text: str, amount: str) -> None:
    price = read_price(text, currency="MXN").value
    assert price is not None
    assert (price.amount, price.unit) == (Decimal(amount), PriceUnit.SQUARE_METER)


@pytest.mark.parametrize(
    "text",
    [
        "Consulte precio",
        "Contact for price",
        "Precio a consultar",
        "Price on request",
        "¡Consultar precio!",
        "A CONSULTAR",
        "POA",
    ],
)
def test_a_price_on_request_is_known(text: str) -> None:
    assert read_price(text, currency="MXN") == Reading(ON_REQUEST)
    assert ON_REQUEST.offer(Operation.SALE).kind is PriceKind.ON_REQUEST


@pytest.mark.parametrize(
    "text",
    [
        "gratis",
        "$",
        "$0",
        "0.001",
        "-5",
        "$-5",
        "$1,2,3",
        "1.2.3,4,5",
        "$99,999,999,999,999",
        "$8,800²",
        "$5,000 por noche",
        "US$ 500 per week",
        "$5 USD EUR",
        "€ 5 $",
        "5 kr",
        "M 5",
        "$5 M M",
        "$2,000,000 - $1,000,000",
        "$1,000 $2,000",
        "3 bedrooms",
        "$" + "9" * 60,
        "$5 " + "x" * 400,
    ],
)
def test_what_is_no_price_is_unknown(text: str) -> None:
    reading = read_price(text, currency="MXN")
    assert reading.value is None
    assert reading.unknown


@pytest.mark.parametrize("text", [None, "", " \xa0\u200b"])
def test_nothing_there_is_not_unknown(text: str | None) -> None:
    assert read_price(text, currency="MXN") == Reading()


def test_an_offer_carries_the_price() -> None:
    price = read_price("US$ 1,000 - US$ 2,000", currency="MXN").value
    assert price is not None
    assert price.offer(Operation.RENT) == Offer(
        operation=Operation.RENT, kind=PriceKind.RANGE, amount=Decimal(1000), amount_max=Decimal(2000), currency="USD"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (15800000, "15800000"),
        ("15800000.0", "15800000"),
        (Decimal("0.505"), "0.50"),
        (1200.5, "1200.5"),
        ("1,200", None),
        ("-5", None),
        (0, None),
        (True, None),
        (None, None),
        ([], None),
        (float("nan"), None),
        (Decimal("1e400"), None),
        (Decimal("1e-400"), None),
        (10**13, None),
    ],
)
def test_machine_written_amounts(value: object, expected: str | None) -> None:
    assert money.amount(value) == (None if expected is None else Decimal(expected))


amounts = st.decimals(min_value=Decimal("0.01"), max_value=LIMIT - 1, places=2)


@given(amounts, st.sampled_from([("MXN", "$"), ("USD", "US$ "), ("EUR", "€ "), ("MXN", "MXN ")]), st.booleans())
def test_a_written_price_reads_back(amount: Decimal, currency: tuple[str, str], european: bool) -> None:
    written = f"{amount:,.2f}"
    if european:
        written = written.translate(str.maketrans(",.", ".,"))
    price = read_price(currency[1] + written, currency="MXN").value
    assert price is not None
    assert (price.amount, price.currency, price.kind) == (amount, currency[0], PriceKind.EXACT)


@given(st.integers(min_value=1, max_value=int(LIMIT) - 1))
def test_whole_amounts_read_back_without_a_fraction(amount: int) -> None:
    price = read_price(f"${amount:,}", currency="MXN").value
    assert price is not None
    assert str(price.amount) == str(amount)


price_like = st.lists(
    st.sampled_from(
        [
            "$",
            "US$",
            "€",
            "kr.",
            "MXN",
            "USD",
            "1",
            "000",
            "5.5",
            "1,000",
            ".",
            ",",
            " ",
            "-",
            "por m²",
            "/ mes",
            "M",
            "K",
            "desde",
            "hasta",
            "½",
            "²",
            "\x00",
        ]
    ),
    max_size=9,
).map("".join)


@given(st.text() | price_like | st.text(alphabet="0123456789., $-\u0661\u00b2\ud800"))
def test_no_text_raises_and_every_amount_is_in_bounds(text: str) -> None:
    reading = read_price(text, currency="MXN")
    assert reading.value is None or reading.unknown is None
    if (price := reading.value) and price.amount is not None:
        assert isinstance(price.amount, Decimal)
        assert 0 < price.amount < LIMIT
        assert price.amount_max is None or price.amount < price.amount_max < LIMIT
        assert price.offer(Operation.SALE).amount == price.amount
