-- Listings whose detail page became a dead letter: no need until a newer signal. Parameters: property_ids.
UPDATE property_state SET given_up_at = (SELECT app_now()) WHERE property_id = ANY (CAST(:property_ids AS text[]))
