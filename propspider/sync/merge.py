"""A listing that was known by its internal number only, once a page tells its public id. The caller holds both locks."""

from sqlalchemy import Connection

from propspider.items import PropertyItem
from propspider.sync import statement


def merge_provisional(connection: Connection, provisional: str, item: PropertyItem) -> None:
    """What was seen under the provisional id becomes the listing's own; the provisional rows go."""
    parameters = {"old": provisional, "new": item.property_id}
    for name in ("merge_manifest", "merge_sightings", "merge_offers", "merge_aliases", "merge_drop"):
        connection.execute(statement(name), parameters)
