// purpose: Ask a job to stop; one that no worker has is cancelled at once
// param: id STRING
// returns: job MAP
// mode: write
MATCH (j:Job {id: $id})
SET j.id = $id
WITH j, j.state AS state
FOREACH (_ IN CASE WHEN state = 'queued' THEN [1] ELSE [] END |
  SET j.state = 'cancelled', j.cancel_requested = true, j.finished_at = timestamp(), j.message = 'cancelled'
)
FOREACH (_ IN CASE WHEN state = 'running' THEN [1] ELSE [] END |
  SET j.cancel_requested = true
)
RETURN j {.*} AS job
