// purpose: Give a job
// param: id STRING
// returns: job MAP
// mode: read
MATCH (j:Job {id: $id})
RETURN j {.*} AS job
