// purpose: End a run: its job has succeeded, failed, been cancelled, or goes back to the queue
// param: id STRING
// param: fence INTEGER
// param: state STRING
// param: message STRING
// param: result STRING or null, JSON
// param: error STRING or null, JSON
// returns: state STRING; no row where another run has the job
// mode: write
MATCH (j:Job {id: $id})
SET j.id = $id
WITH j WHERE j.fence = $fence AND j.state = 'running'
SET j.state = $state, j.message = $message, j.result = $result, j.error = $error, j.runner = null,
    j.finished_at = CASE WHEN $state = 'queued' THEN null ELSE timestamp() END,
    j.attempts = 0, j.sent_at = null
FOREACH (_ IN CASE WHEN $state = 'succeeded' THEN [1] ELSE [] END |
  SET j.done = CASE WHEN j.total > 0 THEN j.total ELSE j.done END
)
RETURN j.state AS state
