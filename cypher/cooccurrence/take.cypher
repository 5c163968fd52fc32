// purpose: Lock co-occurrence and take events out of those that wait for the fold
// param: limit INTEGER
// param: shards INTEGER wanted; taken over when no move waits
// param: now INTEGER, epoch ms
// returns: state STRING, as_of INTEGER, shards INTEGER, events LIST<MAP> of id, user_id, item_id, type, at, value
// mode: write
MERGE (s:State {id: 'co_occurrence'})
  ON CREATE SET s.state = 'live', s.generation = 0
// The write takes the lock; only what is read after it is certain.
SET s.id = 'co_occurrence'
SET s.shards = CASE WHEN s.shards IS NULL OR NOT EXISTS { (:Move) } THEN $shards ELSE s.shards END
WITH s
CALL (s) {
  WITH s WHERE s.state = 'live' AND coalesce(s.paused_until, 0) <= $now
  MATCH (e:Unfolded)
  WITH e LIMIT $limit
  REMOVE e:Unfolded
  RETURN collect(e {.id, .user_id, .item_id, .type, .at, .value}) AS events
}
RETURN s.state AS state, s.as_of AS as_of, s.shards AS shards, events
