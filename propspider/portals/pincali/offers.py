"""Price blocks and JSON-LD offers of one listing → its offers."""

from dataclasses import dataclass, field, replace

from selectolax.lexbor import LexborNode

from propspider.fields import money, vocabulary
from propspider.fields.money import Price
from propspider.items import Offer, Operation, PriceKind, PriceUnit
from propspider.portals.pincali.markup import Json, fragments


@dataclass
class Prices:
    """Collects what the blocks of one listing say. `operation` stands for blocks that state none."""

    currency: str
    operation: Operation | None
    offers: list[Offer] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    blocks: int = 0

    def add(self, block: LexborNode, linked: list[Price] | None) -> None:
        texts = fragments(block)
        if not texts:
            return
        self.blocks += 1
        price, operation = self._split(texts, linked)
        if operation is None or price is None:
            self._refuse(texts, "operation/unknown" if operation is None else "price/unreadable")
            return
        self._keep(self._checked(price, linked), operation)

    def add_linked(self, linked: list[Price] | None) -> None:
        """For a listing without a price block: on request where its JSON-LD says so, under the operation that is known from
        elsewhere. An amount there has neither a unit nor a "from", and may be another offer than the one that was shown.
        """
        if self.blocks or linked is None:
            return
        if linked:
            self.warnings.append("price/not_shown")
        elif self.operation is None:
            self.warnings.append("operation/unknown")
        else:
            self._keep(money.ON_REQUEST, self.operation)

    def _split(self, texts: list[str], linked: list[Price] | None) -> tuple[Price | None, Operation | None]:
        """The price's texts and the operation's label, in any order. A label alone is one on request only if the JSON-LD says
        so, too: a price that moved elsewhere in the markup must not pass for it.
        """
        labels = [(text, vocabulary.read_operation(text).value) for text in texts]
        stated = [operation for _, operation in labels if operation]
        amounts = [text for text, operation in labels if operation is None]
        if not amounts:
            return money.ON_REQUEST if linked == [] else None, stated[0] if len(stated) == 1 else None
        reading = money.read_price(" ".join(amounts), currency=self.currency)
        if reading.value is None and len(amounts) > 1 and not stated:
            # A readable price followed by a label that nobody knows must not pass for the scope's operation.
            rest = money.read_price(" ".join(amounts[:-1]), currency=self.currency)
            return (rest.value, None) if rest.value else (None, self.operation)
        if len(stated) > 1:
            return reading.value, None
        return reading.value, stated[0] if stated else self.operation

    def _refuse(self, texts: list[str], warning: str) -> None:
        self.warnings.append(warning)
        self.unreadable.append(" ".join(texts)[:200])

    def _checked(self, price: Price, linked: list[Price] | None) -> Price:
        """The block as shown; a currency that it leaves to the reader comes from the JSON-LD offer of the same amount."""
        if not linked or price.amount is None:
            return price
        same = [one for one in linked if one.amount == price.amount]
        if not same:
            if price.unit is PriceUnit.TOTAL:
                self.warnings.append("price/disagreement")
            return price
        if any(one.currency == price.currency for one in same):
            return price
        if price.currency_stated:
            self.warnings.append("currency/disagreement")
            return price
        return replace(price, currency=same[0].currency, currency_stated=True)

    def _keep(self, price: Price, operation: Operation) -> None:
        offer = price.offer(operation)
        twin = next((one for one in self.offers if (one.operation, one.unit) == (operation, price.unit)), None)
        if twin is None:
            self.offers.append(offer)
        elif twin != offer:
            self.warnings.append("price/duplicate")


def linked_prices(listing: Json | None) -> list[Price] | None:
    """The prices of a JSON-LD listing. None where it says nothing readable of offers; an empty list is "on request"."""
    if listing is None or "offers" not in listing:
        return None
    offers = listing["offers"]
    if isinstance(offers, dict):
        offers = [offers]
    if not isinstance(offers, list):
        return None
    prices = [price for offer in offers if isinstance(offer, dict) and (price := _linked_price(offer))]
    return prices if prices or not offers else None


def _linked_price(offer: Json) -> Price | None:
    amount, currency = money.amount(offer.get("price")), offer.get("priceCurrency")
    if amount is None or not isinstance(currency, str) or not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        return None
    return Price(kind=PriceKind.EXACT, amount=amount, currency=currency.upper(), currency_stated=True)
