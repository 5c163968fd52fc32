// purpose: Take a job for a run: exactly one runner has it, and every take raises its fence
// param: id STRING
// param: runner STRING, name of the run that asks
// param: lost_after_ms INTEGER, silence after which another run may take it over
// param: most_attempts INTEGER, takes without any step done
// returns: answer STRING (taken, busy, final, cancelled, exhausted), job MAP; no row where there is no such job
// mode: write
MATCH (j:Job {id: $id})
SET j.id = $id
WITH j, CASE
  WHEN NOT j.state IN ['queued', 'running'] THEN 'final'
  WHEN j.state = 'running' AND j.runner <> $runner AND j.heartbeat_at >= timestamp() - $lost_after_ms THEN 'busy'
  WHEN j.cancel_requested THEN 'cancelled'
  WHEN coalesce(j.attempts, 0) >= $most_attempts THEN 'exhausted'
  ELSE 'taken'
END AS answer
FOREACH (_ IN CASE WHEN answer = 'taken' THEN [1] ELSE [] END |
  SET j.state = 'running', j.fence = j.fence + 1, j.heartbeat_at = timestamp(),
      j.attempts = coalesce(j.attempts, 0) + CASE WHEN j.runner = $runner THEN 0 ELSE 1 END,
      j.runner = $runner, j.started_at = coalesce(j.started_at, timestamp()), j.message = 'starts'
)
FOREACH (_ IN CASE WHEN answer = 'cancelled' THEN [1] ELSE [] END |
  SET j.state = 'cancelled', j.fence = j.fence + 1, j.finished_at = timestamp(), j.message = 'cancelled', j.runner = null
)
FOREACH (_ IN CASE WHEN answer = 'exhausted' THEN [1] ELSE [] END |
  SET j.state = 'failed', j.fence = j.fence + 1, j.finished_at = timestamp(), j.runner = null,
      j.message = 'its worker was lost ' + toString(j.attempts) + ' times at the same step',
      j.error = '{"code":"worker_lost","message":"The worker was lost again and again at the same step.","field":null,"value":null,"remedy":"See the log of the worker; memory is the usual reason."}'
)
RETURN answer, j {.*} AS job
