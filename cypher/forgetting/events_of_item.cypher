// purpose: Read the events on an item of a few of its users; the caller holds the lock of co-occurrence
// param: id STRING
// param: users INTEGER
// returns: users LIST<STRING>, events LIST<MAP> of id, user_id, item_id, type, at, value
// mode: read
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
  RETURN collect(e {.id, .user_id, .item_id, .type, .at, .value}) AS events
}
RETURN users, events
