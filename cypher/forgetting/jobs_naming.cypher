// purpose: Find the jobs whose parameters name an id
// param: quoted STRING, the id as JSON
// returns: id STRING, params STRING, state STRING
// mode: read
MATCH (j:Job)
WHERE j.params CONTAINS $quoted
RETURN j.id AS id, j.params AS params, j.state AS state
