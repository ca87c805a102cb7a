"""What a portal's sitemap lists is there. The caller commits."""

from collections.abc import Sequence
from itertools import chain

from sqlalchemy import Connection

from propspider.fields.listing_id import provisional_id_of_url
from propspider.items import SitemapPage
from propspider.sync import queue, statement
from propspider.sync.locks import lock_listings
from propspider.sync.runs import Counts, SessionRef


def record(connection: Connection, session: SessionRef, pages: Sequence[SitemapPage]) -> Counts:
    """Known listings, by their URL or another one of theirs, were present; unknown URLs become listings to fetch, under a
    provisional id until their page tells.
    """
    counts = Counts(pages=len(pages))
    for page in sorted(pages, key=lambda page: page.observed_at):
        found = connection.execute(statement("sitemap_known"), {"portal": session.portal, "urls": list(page.listing_urls)}).all()
        present = lock_listings(connection, session.portal, chain.from_iterable(row.property_ids for row in found))
        connection.execute(statement("state_present"), {"property_ids": present, "present_at": page.observed_at})
        known = {row.url for row in found}
        fresh = {
            property_id: url
            for url in page.listing_urls
            if url not in known and (property_id := provisional_id_of_url(session.portal, url)) is not None
        }
        lock_listings(connection, session.portal, fresh)
        parameters = {
            "portal": session.portal,
            "session_id": session.id,
            "property_ids": list(fresh),
            "urls": list(fresh.values()),
            "observed_at": page.observed_at,
        }
        counts.found += connection.execute(statement("sitemap_candidates"), parameters).rowcount
        counts.entries += len(page.listing_urls)
    counts.queued = queue.top_up(connection, session.portal, ceiling=session.queue_ceiling)
    return counts
