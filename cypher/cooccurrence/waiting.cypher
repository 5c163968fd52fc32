// purpose: Count what is not in CO_OCCURS yet
// returns: state STRING, as_of INTEGER, folded_at INTEGER, shards INTEGER, unfolded INTEGER, moves INTEGER
// mode: read
CALL () { MATCH (e:Unfolded) RETURN count(e) AS unfolded }
CALL () { MATCH (m:Move) RETURN count(m) AS moves }
OPTIONAL MATCH (s:State {id: 'co_occurrence'})
RETURN coalesce(s.state, 'live') AS state, s.as_of AS as_of, s.folded_at AS folded_at, s.shards AS shards, unfolded, moves
