// purpose: Lock co-occurrence and take events out of those that wait for the fold
// param: limit INTEGER
// param: now INTEGER, epoch ms
// returns: state STRING, as_of INTEGER, stamp INTEGER, events LIST<MAP> of id, user_id, item_id, type, at, value
// mode: write
MERGE (s:State {id: 'co_occurrence'})
  ON CREATE SET s.state = 'live', s.generation = 0
// The write takes the lock; only what is read after it is certain.
SET s.id = 'co_occurrence'
WITH s
CALL (s) {
  // Whoever reads events and rows as of one moment asks for a pause, for a minute at most.
  WITH s WHERE s.state = 'live' AND coalesce(s.paused_until, 0) <= $now
  MATCH (e:Unfolded)
  WITH e LIMIT $limit
  REMOVE e:Unfolded
  RETURN collect(e {.id, .user_id, .item_id, .type, .at, .value}) AS events
}
WITH s, events,
  CASE WHEN s.folded_at >= $now THEN s.folded_at + 1 ELSE $now END AS stamp,
  reduce(latest = coalesce(s.as_of, 0), e IN events | CASE WHEN e.at > latest THEN e.at ELSE latest END) AS as_of
SET s.folded_at = CASE WHEN size(events) > 0 THEN stamp ELSE s.folded_at END,
    s.as_of = CASE WHEN size(events) > 0 THEN as_of ELSE s.as_of END
RETURN s.state AS state, s.as_of AS as_of, stamp, events
