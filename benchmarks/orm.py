"""What one would write first: an object a row, a transaction a record. Leaner than promotion: no offers, gates or held values."""

from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from propspider import clock
from propspider.db.models import PropertyChange, PropertyLive, PropertyStaging, PropertyState, ScrapeQueue
from propspider.item_json import plain
from propspider.items import PropertyItem, primary_offer
from propspider.sync.compare import DETAIL_COLUMNS
from propspider.sync.offers import offers_json
from propspider.sync.promote import DETAIL_REASON
from propspider.sync.runs import SessionRef

_JSON = frozenset({"features", "amenities", "image_urls"})


def store(engine: Engine, session: SessionRef, item: PropertyItem) -> None:
    """Staging, live, history, state and queue row of one record."""
    values: dict[str, Any] = {name: getattr(item, name) for name in DETAIL_COLUMNS}
    values |= {name: plain(values[name]) for name in _JSON}
    offers = offers_json(item.offers)
    with Session(engine) as orm, orm.begin():
        orm.add(
            PropertyStaging(
                session_id=session.id,
                property_id=item.property_id,
                portal=session.portal,
                offers=offers,
                stated_empty=sorted(item.stated_empty),
                warnings=list(item.warnings),
                observed_at=item.observed_at,
                content_hash=item.content_hash,
                data_completeness_score=item.data_completeness_score,
                processing_status="processed",
                **values,
            )
        )
        primary = primary_offer(item.offers)
        if primary is not None:
            values |= {"operation_type": primary.operation.value, "price": primary.amount, "currency": primary.currency}
        live = orm.get(PropertyLive, item.property_id)
        if live is None:
            _create(orm, session, item, values, offers)
        else:
            _update(orm, session, item, values, live)
        state = orm.get(PropertyState, item.property_id) or PropertyState(property_id=item.property_id, portal=session.portal)
        state.observed_at, state.content_hash = item.observed_at, item.content_hash
        orm.add(state)
        _settle(orm, item)


def _create(orm: Session, session: SessionRef, item: PropertyItem, values: dict[str, Any], offers: Any) -> None:
    live = PropertyLive(property_id=item.property_id, portal=session.portal, offers=offers, **values)
    live.first_seen_at = live.scraped_at = _observed(item)
    orm.add(live)
    change = _change(session, item)
    change.change_type, change.new_value = "created", plain(values)
    orm.add(change)


def _update(orm: Session, session: SessionRef, item: PropertyItem, values: dict[str, Any], live: PropertyLive) -> None:
    for name, value in values.items():
        old = getattr(live, name)
        if value is None or old == value:
            continue
        setattr(live, name, value)
        change = _change(session, item)
        change.change_type, change.field_name = "updated", name
        change.old_value, change.new_value = plain(old), plain(value)
        orm.add(change)


def _change(session: SessionRef, item: PropertyItem) -> PropertyChange:
    change = PropertyChange(property_id=item.property_id, portal=session.portal, session_id=session.id)
    change.observed_at, change.parser_version, change.change_reason = _observed(item), session.parser_version, DETAIL_REASON
    return change


def _settle(orm: Session, item: PropertyItem) -> None:
    if item.claim is None:
        return
    row = orm.execute(select(ScrapeQueue).where(ScrapeQueue.id == item.claim.queue_id)).scalar_one()
    row.status, row.completed_at, row.lease_until = "completed", clock.now(), None


def _observed(item: PropertyItem) -> Any:
    return item.observed_at
