// purpose: Tell serving that the inferred edges were replaced; the stamp rises each time
// param: version STRING
// param: now INTEGER, epoch ms
// returns: stamp INTEGER
// mode: write
MERGE (s:State {id: 'inferred_edges'})
SET s.stamp = CASE WHEN s.stamp >= $now THEN s.stamp + 1 ELSE $now END, s.version = $version
RETURN s.stamp AS stamp
