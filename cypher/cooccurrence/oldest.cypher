// purpose: Lock co-occurrence and read the oldest events of a user
// param: user_id STRING
// param: limit INTEGER
// param: now INTEGER, epoch ms
// returns: state STRING, as_of INTEGER, stamp INTEGER, events LIST<MAP> of id, item_id, type, at, value, unfolded
// mode: write
MERGE (s:State {id: 'co_occurrence'})
  ON CREATE SET s.state = 'live', s.generation = 0
SET s.id = 'co_occurrence'
SET s.folded_at = CASE WHEN s.folded_at >= $now THEN s.folded_at + 1 ELSE $now END
WITH s
CALL () {
  MATCH (e:Event {user_id: $user_id}) USING INDEX e:Event(user_id, at)
  WHERE e.at >= 0
  WITH e ORDER BY e.user_id, e.at, e.id LIMIT $limit
  RETURN collect(e {.id, .item_id, .type, .at, .value, unfolded: e:Unfolded}) AS events
}
RETURN s.state AS state, s.as_of AS as_of, s.folded_at AS stamp, events
