// purpose: Give the time that CO_OCCURS is read as of
// returns: as_of INTEGER epoch ms; null before the first fold
// mode: read
OPTIONAL MATCH (s:State {id: 'co_occurrence'})
RETURN s.as_of AS as_of
