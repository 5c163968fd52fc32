// purpose: Find jobs that wait with no message sent lately, and running ones whose worker is silent
// param: silent_ms INTEGER, for how long a queued job waits before its message is sent again
// param: lost_after_ms INTEGER, silence after which a running job counts as lost
// param: limit INTEGER
// returns: id STRING, kind STRING, version STRING
// mode: read
MATCH (j:Job)
WHERE j.state IN ['queued', 'running']
  AND CASE j.state
    WHEN 'queued' THEN coalesce(j.sent_at, j.created_at) < timestamp() - $silent_ms
    ELSE j.heartbeat_at < timestamp() - $lost_after_ms
  END
RETURN j.id AS id, j.kind AS kind, j.version AS version
ORDER BY j.id
LIMIT $limit
