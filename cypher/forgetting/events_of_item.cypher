// purpose: Lock co-occurrence and read the events on an item of a few of its users
// param: id STRING
// param: users INTEGER
// param: now INTEGER, epoch ms
// returns: state STRING, as_of INTEGER, stamp INTEGER, users LIST<STRING>, events LIST<MAP> of id, user_id, item_id, type, at, value, unfolded
// mode: write
MERGE (s:State {id: 'co_occurrence'})
  ON CREATE SET s.state = 'live', s.generation = 0
SET s.id = 'co_occurrence'
SET s.folded_at = CASE WHEN s.folded_at >= $now THEN s.folded_at + 1 ELSE $now END
WITH s
CALL () {
  MATCH (:Item {id: $id})<-[:INTERACTED]-(u:User)
  WITH DISTINCT u LIMIT $users
  RETURN collect(u.id) AS users
}
CALL (users) {
  UNWIND users AS user_id
  MATCH (e:Event {user_id: user_id})
  WHERE e.at >= 0 AND e.item_id = $id
  WITH e ORDER BY e.user_id, e.at, e.id
  RETURN collect(e {.id, .user_id, .item_id, .type, .at, .value, unfolded: e:Unfolded}) AS events
}
RETURN s.state AS state, s.as_of AS as_of, s.folded_at AS stamp, users, events
