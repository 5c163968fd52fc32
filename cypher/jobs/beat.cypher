// purpose: Give a sign of life and the progress of a run, if it still has the job
// param: id STRING
// param: fence INTEGER
// param: done INTEGER
// param: total INTEGER
// param: message STRING
// returns: cancel_requested BOOLEAN; no row where another run has the job
// mode: write
MATCH (j:Job {id: $id})
SET j.id = $id
WITH j WHERE j.fence = $fence AND j.state = 'running'
SET j.heartbeat_at = timestamp(), j.done = $done, j.total = $total, j.message = $message
RETURN j.cancel_requested AS cancel_requested
