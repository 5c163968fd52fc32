// purpose: Let the groups of a count be the present ones and delete all others; the stamp rises each time
// param: run STRING
// param: now INTEGER, epoch ms
// returns: stamp INTEGER; no row where another count has begun
// mode: write
MATCH (s:State {id: 'demographics'})
SET s.id = 'demographics'
WITH s WHERE s.run = $run
SET s.present = $run, s.stamp = CASE WHEN s.stamp >= $now THEN s.stamp + 1 ELSE $now END
WITH s
CALL () {
  MATCH (d:Demographic)
  WHERE d.run <> $run
  DELETE d
}
RETURN s.stamp AS stamp
