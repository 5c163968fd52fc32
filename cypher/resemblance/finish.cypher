// purpose: Tell that items are joined; serving hears of it where something was written; fenced by the version's state and the job's run
// param: version STRING
// param: states LIST<STRING>, states in which the version may be written
// param: job_id STRING or null
// param: fence INTEGER or null, run of the job
// param: now INTEGER, epoch ms
// param: basis STRING, what the rows go by
// param: whole BOOLEAN, whether all rows were looked at
// param: changed INTEGER, items that changed since all were compared, to be added to those before where not all were
// param: writes INTEGER, transactions so far as this run knows them; where there are more another run has written between its own
// returns: written INTEGER, 0; no row where it is fenced
// mode: write
MATCH (v:EmbeddingVersion {id: $version})
SET v.id = $version
WITH v WHERE v.state IN $states
OPTIONAL MATCH (j:Job {id: $job_id})
WITH v, j WHERE $job_id IS NULL OR j.fence = $fence
MERGE (s:State {id: 'resemblance'})
SET s.basis = CASE
    WHEN coalesce(s.writes, 0) <> $writes THEN null
    WHEN $whole THEN $basis
    ELSE s.basis
  END,
  s.changed = CASE WHEN $whole THEN 0 ELSE coalesce(s.changed, 0) END + $changed,
  s.stamp = CASE WHEN s.pending IS NULL THEN s.stamp WHEN s.stamp >= $now THEN s.stamp + 1 ELSE $now END
REMOVE s.pending
RETURN 0 AS written
