// purpose: End a recount, if it still owns the state; live again unless events were stored unseen meanwhile
// param: run STRING
// param: generation INTEGER
// param: as_of INTEGER, epoch ms; null where there are no events
// returns: state STRING; no row where another recount owns the state
// mode: write
MATCH (s:State {id: 'co_occurrence'})
SET s.id = 'co_occurrence'
WITH s WHERE s.run = $run AND s.state = 'rebuilding'
SET s.state = CASE WHEN s.generation = $generation THEN 'live' ELSE 'rebuilding' END,
    s.as_of = $as_of
RETURN s.state AS state
