// purpose: Tell whether co-occurrence is live and whether events or moves wait
// returns: state STRING, as_of INTEGER, folded_at INTEGER, shards INTEGER or null, paused BOOLEAN, waiting BOOLEAN, moving BOOLEAN
// mode: read
OPTIONAL MATCH (s:State {id: 'co_occurrence'})
RETURN coalesce(s.state, 'live') AS state, s.as_of AS as_of, s.folded_at AS folded_at, s.shards AS shards,
  coalesce(s.paused_until, 0) > timestamp() AS paused, EXISTS { (:Unfolded) } AS waiting, EXISTS { (:Move) } AS moving
