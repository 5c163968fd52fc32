// purpose: Tell serving that items resemble others now; the stamp rises only where something was written since it last rose
// param: version STRING, version that all rows are of
// param: now INTEGER, epoch ms
// returns: stamp INTEGER; no row where nothing was written
// mode: write
MATCH (s:State {id: 'resemblance'})
SET s.version = $version
WITH s WHERE s.pending
SET s.stamp = CASE WHEN s.stamp >= $now THEN s.stamp + 1 ELSE $now END
REMOVE s.pending
RETURN s.stamp AS stamp
