"""Price texts → amounts. The portal says what a bare `$`, `kr` or number means; nothing else is assumed."""

import re
from dataclasses import dataclass
from decimal import Decimal

from propspider.fields import number
from propspider.fields.reading import MAX_TEXT, Reading, key, plain
from propspider.items import Offer, Operation, PriceKind, PriceUnit

LIMIT = Decimal(10) ** 13
"""Amounts are above 0 and below this."""

_CODES = {"usd", "mxn", "eur", "gbp", "dkk", "sek", "nok", "cad", "cop", "clp", "ars", "brl", "pen", "chf"}
_NAMED = {
    "us$": "USD",
    "u$s": "USD",
    "u$d": "USD",
    "usd$": "USD",
    "dlls": "USD",
    "dólares": "USD",
    "dolares": "USD",
    "mx$": "MXN",
    "mxn$": "MXN",
    "m.n.": "MXN",
    "mn": "MXN",
    "r$": "BRL",
    "€": "EUR",
    "euros": "EUR",
    "£": "GBP",
}
_SHARED = {
    "$": {"MXN", "USD", "CAD", "AUD", "NZD", "COP", "CLP", "ARS"},
    "pesos": {"MXN", "COP", "CLP", "ARS"},
    "kr": {"DKK", "SEK", "NOK", "ISK"},
}
"""Signs of several currencies: they stand for the portal's own when it is one of these."""

_THOUSAND, _MILLION = Decimal(1000), Decimal(1_000_000)
_SCALES = {"k": _THOUSAND, "mil": _THOUSAND, "m": _MILLION, "mm": _MILLION, "mdp": _MILLION, "mdd": _MILLION}
_SCALE_CURRENCY = {"mdp": "MXN", "mdd": "USD"}

_TOKEN = re.compile(
    rf"""
      (?P<square_meter>(?:por|per|el|x|/)?\ ?(?:m2|m\^2|mts?2|metros?\ cuadrados?|square\ met(?:er|re)|sq\.?\ ?m)\b)
    | (?P<month>(?:(?:por|per|al|a|/)\ ?)?(?:mes|month|mo)\b|mensual(?:es)?\b|monthly\b|pcm\b)
    | (?P<start>(?:precio\ |price\ )?(?:desde|from|a\ partir\ de|starting\ (?:at|from))\b)
    | (?P<filler>,-(?!\ ?[0-9])|[ :*]+|[.,](?![0-9])|de\b|precio\b|price\b)
    | (?P<until>-|–|—|hasta\b|to\b|a\b(?!\ ?partir))
    | (?P<currency>us\$|u\$[sd]|(?:usd|mxn)\$?(?![a-z])|mx\$|r\$|\$|€|£|m\.n\.|mn\b|kr\b\.?
        |(?:{"|".join(sorted(_CODES - {"usd", "mxn"}))})(?![a-z])|pesos\b|dlls\b|d[oó]lares\b|euros\b)
    | (?P<number>{number.PATTERN})
    | (?P<scale>(?:k|mil|mdp|mdd|mm|m|mill[oó]n(?:es)?|millions?)\b(?:\ de\b)?)
    """,
    re.VERBOSE,
)
_ON_REQUEST = re.compile(
    r"(?:consult(?:e|ar|a)|solicit(?:e|ar|a)|contact(?:e|ar|o)?|ask|call|inquire|pregunt(?:e|ar|a))"
    r"(?: (?:for|por|el|al|the|us|agent|agente|vendedor|de))*(?: (?:precio|price))?"
    r"|(?:precio|price) (?:a |on |upon |por |bajo )?(?:consultar|consulta|tratar|convenir|request|application|solicitud)"
    r"|(?:a consultar|a tratar|bajo consulta|on request|upon request|poa)"
    r"|(?:sin precio|precio no disponible|price not available|no price)"
)


@dataclass(frozen=True, kw_only=True)
class Price:
    """`amount` is None exactly when on request. `currency_stated` is False where the portal's own currency was understood."""

    kind: PriceKind = PriceKind.EXACT
    amount: Decimal | None = None
    amount_max: Decimal | None = None
    currency: str | None = None
    unit: PriceUnit = PriceUnit.TOTAL
    currency_stated: bool = False

    def offer(self, operation: Operation) -> Offer:
        return Offer(
            operation=operation,
            kind=self.kind,
            amount=self.amount,
            amount_max=self.amount_max,
            currency=self.currency,
            unit=self.unit,
        )


ON_REQUEST = Price(kind=PriceKind.ON_REQUEST)

_Tokens = list[tuple[str, str]]


def read_price(text: str | None, *, currency: str) -> Reading[Price]:
    """`currency` is the portal's own. Every word must be known: a price per night or a stray number is unknown, not a total."""
    if text is None or not (line := plain(text[: MAX_TEXT + 1])):
        return Reading()
    unknown = Reading[Price](unknown=text[:MAX_TEXT])
    if len(text) > MAX_TEXT:
        return unknown
    if _ON_REQUEST.fullmatch(key(text).strip(" .:!¡?¿")):
        return Reading(ON_REQUEST)
    tokens = _tokens(line)
    if tokens is None:
        return unknown
    price = _price(tokens, currency)
    return unknown if price is None else Reading(price)


def amount(value: object) -> Decimal | None:
    """A machine-written amount (JSON, attribute), within the bounds of money."""
    parsed = number.machine(value)
    return _bounded(parsed) if parsed is not None else None


def _bounded(value: Decimal) -> Decimal | None:
    if not 0 < value < LIMIT:
        return None
    cents = number.rounded(value)
    return cents if 0 < cents < LIMIT else None


def _tokens(line: str) -> _Tokens | None:
    found: _Tokens = []
    position = 0
    while position < len(line):
        match = _TOKEN.match(line, position)
        if match is None:
            return None
        if match.lastgroup not in {None, "filler"}:
            found.append((str(match.lastgroup), match.group()))
        position = match.end()
    return found


def _price(tokens: _Tokens, own: str) -> Price | None:
    names = [name for name, _ in tokens if name not in {"currency", "scale"}]
    unit = PriceUnit.SQUARE_METER if "square_meter" in names else PriceUnit.TOTAL
    kind = _KINDS.get(tuple(name for name in names if name not in {"square_meter", "month"}))
    currency, stated = _currency(tokens, own)
    amounts = _amounts(tokens)
    if kind is None or currency is None or amounts is None:
        return None
    if kind is not PriceKind.RANGE or amounts[0] == amounts[1]:
        exact = PriceKind.EXACT if kind is PriceKind.RANGE else kind
        return Price(kind=exact, amount=amounts[0], currency=currency, unit=unit, currency_stated=stated)
    if amounts[0] > amounts[1]:
        return None
    return Price(kind=kind, amount=amounts[0], amount_max=amounts[1], currency=currency, unit=unit, currency_stated=stated)


_KINDS = {
    ("number",): PriceKind.EXACT,
    ("start", "number"): PriceKind.FROM,
    ("number", "until", "number"): PriceKind.RANGE,
    ("start", "number", "until", "number"): PriceKind.RANGE,
}


def _currency(tokens: _Tokens, own: str) -> tuple[str | None, bool]:
    """None when the signs contradict each other or mean nothing on this portal."""
    named: set[str] = set()
    shared: list[set[str]] = []
    for name, text in tokens:
        sign = text.rstrip(".") if name == "currency" and text.startswith("kr") else text
        if name == "scale" and sign in _SCALE_CURRENCY:
            named.add(_SCALE_CURRENCY[sign])
        elif name == "currency" and sign in _SHARED:
            shared.append(_SHARED[sign])
        elif name == "currency":
            named.add(_NAMED.get(sign) or sign.upper())
    if len(named) > 1:
        return None, True
    code = next(iter(named), own)
    return (code if all(code in meanings for meanings in shared) else None), bool(named)


def _amounts(tokens: _Tokens) -> list[Decimal] | None:
    """One amount per number; the scale of `1 - 2 MDP` holds for both."""
    written: list[tuple[str, Decimal | None]] = []
    for name, text in tokens:
        if name == "number":
            written.append((text, None))
        elif name == "scale":
            if not written or written[-1][1] is not None:
                return None
            written[-1] = (written[-1][0], _scale(text))
    if not written:
        return None
    last = written[-1][1]
    amounts = [_amount(text, scale or last) for text, scale in written]
    return None if None in amounts else [value for value in amounts if value is not None]


def _scale(text: str) -> Decimal:
    return _SCALES.get(text.removesuffix(" de"), _MILLION)


def _amount(text: str, scale: Decimal | None) -> Decimal | None:
    # "1.250 M" is 1.25 million, while "1.250" alone is written with thousands.
    value = number.written(text, decimal_mark="." if scale else None)
    return None if value is None else _bounded(value * (scale or 1))
