-- Holds a lease against a take-over until the transaction ends. Parameters: name, fence. No row: it was taken over.
SELECT fence FROM leases WHERE name = :name AND fence = :fence FOR SHARE
