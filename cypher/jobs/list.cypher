// purpose: List jobs, newest first
// param: before STRING or null, the last id of the page before
// param: states LIST<STRING> or null
// param: kinds LIST<STRING> or null
// param: limit INTEGER
// returns: job MAP
// mode: read
MATCH (j:Job)
WHERE ($before IS NULL OR j.id < $before)
  AND ($states IS NULL OR j.state IN $states)
  AND ($kinds IS NULL OR j.kind IN $kinds)
RETURN j {.*} AS job
ORDER BY j.id DESC
LIMIT $limit
