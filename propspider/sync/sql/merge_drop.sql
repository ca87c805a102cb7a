-- Removes what stood under a provisional id. Its queue row stays: it is being settled. Parameters: old.
WITH cards AS (DELETE FROM property_manifest WHERE property_id = :old),
     sightings AS (DELETE FROM manifest_sightings WHERE property_id = :old),
     offers AS (DELETE FROM property_offers WHERE property_id = :old)
DELETE FROM property_state WHERE property_id = :old
