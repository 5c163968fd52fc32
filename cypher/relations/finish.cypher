// purpose: Say that all interests are related
// param: run STRING
// param: at INTEGER, epoch ms
// returns: run STRING; no row where another count has begun
// mode: write
MATCH (s:State {id: 'relations'})
SET s.id = 'relations'
WITH s WHERE s.run = $run
SET s.finished_at = $at
RETURN s.run AS run
