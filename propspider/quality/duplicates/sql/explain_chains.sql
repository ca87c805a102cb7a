-- How long the property of a group has been on the market, under whatever ids. Parameters: group_id.
SELECT operation_type, property_ids, first_seen_at, gone_at, days_on_market, first_price, last_price, currency, price_change
FROM relist_chains
WHERE group_id = CAST(:group_id AS text)
ORDER BY operation_type, chain DESC
