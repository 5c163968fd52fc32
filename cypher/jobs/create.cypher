// purpose: Make a job that waits for a worker, unless an equal one waits or runs and that matters
// param: id STRING
// param: kind STRING
// param: params STRING, JSON
// param: version STRING or null
// param: unless_pending BOOLEAN
// returns: job MAP; no row where an equal job is pending
// mode: write
MERGE (s:State {id: 'jobs'})
// The lock makes the question and the answer one.
SET s.id = 'jobs'
WITH s
WHERE NOT $unless_pending OR NOT EXISTS {
  MATCH (other:Job)
  WHERE other.state IN ['queued', 'running'] AND other.kind = $kind
    AND ($version IS NULL OR other.version = $version)
}
CREATE (j:Job {
  id: $id, kind: $kind, state: 'queued', params: $params, version: $version, fence: 0, attempts: 0, done: 0, total: 0,
  message: 'waits for a worker', cancel_requested: false, created_at: timestamp()
})
RETURN j {.*} AS job
