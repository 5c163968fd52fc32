// purpose: Lock a shard and read the moves that wait for it, oldest first
// param: id STRING of the shard's state
// param: shard INTEGER
// param: limit INTEGER
// returns: state STRING, run STRING, as_of INTEGER, moves LIST<MAP> of seq, shards, events, as_of, payload
// mode: write
MERGE (h:State {id: $id})
SET h.id = $id
WITH h
MATCH (s:State {id: 'co_occurrence'})
CALL (s) {
  WITH s WHERE s.state = 'live'
  MATCH (m:Move {shard: $shard}) USING INDEX m:Move(shard, seq)
  WHERE m.seq >= 0
  WITH m ORDER BY m.shard, m.seq LIMIT $limit
  RETURN collect(m {.seq, .shards, .events, .as_of, .payload}) AS moves
}
RETURN s.state AS state, coalesce(s.run, '') AS run, s.as_of AS as_of, moves
