// purpose: Begin a recount, fencing off any other
// param: run STRING
// returns: generation INTEGER
// mode: write
MERGE (s:State {id: 'co_occurrence'})
SET s.id = 'co_occurrence'
SET s.state = 'rebuilding', s.run = $run, s.generation = coalesce(s.generation, 0)
RETURN s.generation AS generation
