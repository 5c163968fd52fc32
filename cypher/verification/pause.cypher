// purpose: Let the fold take no events until a time, or until it is let go on
// param: until INTEGER, epoch ms
// param: now INTEGER, epoch ms
// param: run STRING
// returns: state STRING, folded_at INTEGER or null; no row where somebody else has paused it
// mode: write
MERGE (s:State {id: 'co_occurrence'})
  ON CREATE SET s.state = 'live', s.generation = 0
SET s.id = 'co_occurrence'
WITH s WHERE coalesce(s.paused_until, 0) <= $now OR s.paused_by = $run
SET s.paused_until = $until, s.paused_by = $run
RETURN s.state AS state, s.folded_at AS folded_at
