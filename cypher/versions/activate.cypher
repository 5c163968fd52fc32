// purpose: Make a ready version the active one; the one before goes back to ready
// param: id STRING
// param: at INTEGER, epoch ms
// returns: version MAP, activated BOOLEAN, previous STRING or null; no row where there is no such version
// mode: write
MERGE (s:State {id: 'active_version'})
// The pointer is locked first: two activations are serial.
SET s.id = 'active_version'
WITH s
MATCH (v:EmbeddingVersion {id: $id})
SET v.id = $id
WITH s, v, s.version AS previous, v.state IN ['ready', 'active'] AS activated
OPTIONAL MATCH (old:EmbeddingVersion {id: previous}) WHERE old <> v AND activated
FOREACH (gone IN CASE WHEN old IS NULL THEN [] ELSE [old] END | SET gone.state = 'ready', gone.state_at = $at)
FOREACH (_ IN CASE WHEN activated AND (previous IS NULL OR previous <> $id) THEN [1] ELSE [] END |
  SET s.version = $id, s.moved_at = $at, v.state = 'active', v.state_at = $at, v.activated_at = $at
)
RETURN v {.*} AS version, activated, CASE WHEN previous <> $id THEN previous END AS previous
