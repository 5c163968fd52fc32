// purpose: Say that events were stored which the fold will not see, so that CO_OCCURS has to be counted again
// returns: nothing
// mode: write
MERGE (s:State {id: 'co_occurrence'})
SET s.id = 'co_occurrence'
SET s.state = 'rebuilding', s.generation = coalesce(s.generation, 0) + 1
