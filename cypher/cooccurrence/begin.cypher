// purpose: Begin a recount, fencing off any other; moves that wait are dropped, because their events are counted again
// param: run STRING
// returns: generation INTEGER
// mode: write
MERGE (s:State {id: 'co_occurrence'})
SET s.id = 'co_occurrence'
SET s.state = 'rebuilding', s.run = $run, s.generation = coalesce(s.generation, 0)
WITH s
CALL () { MATCH (m:Move) DELETE m }
RETURN s.generation AS generation
