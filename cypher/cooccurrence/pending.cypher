// purpose: Tell whether co-occurrence is live and whether events wait for the fold
// returns: state STRING, as_of INTEGER, folded_at INTEGER, waiting BOOLEAN
// mode: read
OPTIONAL MATCH (s:State {id: 'co_occurrence'})
RETURN coalesce(s.state, 'live') AS state, s.as_of AS as_of, s.folded_at AS folded_at, EXISTS { (:Unfolded) } AS waiting
