// purpose: Find an event, its users locked
// param: id STRING
// returns: event MAP with id, type, user_id, item_id, followed_id, at, value, interests, parts, unfolded BOOLEAN; no row where there is none
// mode: write
MATCH (e:Event {id: $id})
WITH CASE
    WHEN e.followed_id IS NULL THEN [e.user_id]
    WHEN e.followed_id < e.user_id THEN [e.followed_id, e.user_id]
    ELSE [e.user_id, e.followed_id]
  END AS users
CALL (users) {
  UNWIND users AS id
  MATCH (u:User {id: id})
  // The write takes the lock; only what is read after it is certain.
  SET u.id = id
  RETURN count(u) AS locked
}
CALL (locked) {
  MATCH (e:Event {id: $id})
  RETURN e
}
RETURN e {.id, .type, .user_id, .item_id, .followed_id, .at, .value, .interests, .parts, unfolded: e:Unfolded} AS event
