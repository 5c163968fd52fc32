// purpose: Move an embedding version to another state, if it is in one of those it may come from
// param: id STRING
// param: state STRING
// param: sources LIST<STRING>
// param: metrics STRING, JSON; null keeps what is there
// param: at INTEGER, epoch ms
// returns: version MAP, moved BOOLEAN; no row where there is no such version
// mode: write
MATCH (v:EmbeddingVersion {id: $id})
// The write takes the lock: a write-back under way ends first, later ones see the new state.
SET v.id = $id
WITH v, v.state IN $sources AS moved
FOREACH (_ IN CASE WHEN moved THEN [1] ELSE [] END |
  SET v.state = $state, v.state_at = $at, v.metrics = coalesce($metrics, v.metrics)
)
RETURN v {.*} AS version, moved
