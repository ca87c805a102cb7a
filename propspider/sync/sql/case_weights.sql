-- What the evidence of cases adds up to. Parameters: case_ids. Index: ix_removal_evidence_case. Evidence of a void batch weighs nothing.
SELECT case_id,
       coalesce(sum(weight) FILTER (WHERE method = 'sweep'), 0) AS sweeps,
       coalesce(sum(weight) FILTER (WHERE method <> 'sweep'), 0) AS looks,
       (array_agg(finding ORDER BY observed_at DESC, id DESC)
           FILTER (WHERE method = 'GET' AND weight > 0 AND finding <> 'to_search'))[1] AS sure,
       count(DISTINCT batch_id) FILTER (WHERE finding = 'to_search' AND weight > 0) AS search_batches,
       coalesce(max(observed_at) FILTER (WHERE finding = 'to_search' AND weight > 0)
                - min(observed_at) FILTER (WHERE finding = 'to_search' AND weight > 0), interval '0') AS searches_span
FROM removal_evidence
WHERE case_id = ANY (CAST(:case_ids AS bigint[]))
GROUP BY case_id
