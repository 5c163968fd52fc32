// purpose: Replace the parameters of a job, if they are still what was read
// param: id STRING
// param: before STRING, JSON
// param: after STRING, JSON
// returns: nothing
// mode: write
MATCH (j:Job {id: $id})
SET j.id = $id
WITH j WHERE j.params = $before
SET j.params = $after
