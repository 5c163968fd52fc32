// purpose: Let the fold go on
// param: run STRING
// returns: paused_until INTEGER epoch ms, which it was paused until, folded_at INTEGER or null; no row where it was not this run's pause
// mode: write
MATCH (s:State {id: 'co_occurrence'})
SET s.id = 'co_occurrence'
WITH s, s.paused_until AS paused_until WHERE s.paused_by = $run
REMOVE s.paused_until, s.paused_by
RETURN paused_until, s.folded_at AS folded_at
