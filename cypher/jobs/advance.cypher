// purpose: Keep where the next run goes on, if this run still has the job
// param: id STRING
// param: fence INTEGER
// param: cursor STRING
// param: version STRING or null, set where the job had none
// param: done INTEGER
// param: total INTEGER
// returns: cancel_requested BOOLEAN; no row where another run has the job
// mode: write
MATCH (j:Job {id: $id})
SET j.id = $id
WITH j WHERE j.fence = $fence AND j.state = 'running'
SET j.heartbeat_at = timestamp(), j.cursor = $cursor, j.attempts = 0, j.done = $done, j.total = $total,
    j.version = coalesce(j.version, $version)
RETURN j.cancel_requested AS cancel_requested
