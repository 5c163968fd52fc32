// purpose: Read the oldest events of a user
// param: user_id STRING
// param: limit INTEGER
// returns: events LIST<MAP> of id, user_id, item_id, type, at, value
// mode: read
MATCH (e:Event {user_id: $user_id}) USING INDEX e:Event(user_id, at)
WHERE e.at >= 0
WITH e ORDER BY e.user_id, e.at, e.id LIMIT $limit
RETURN collect(e {.id, .user_id, .item_id, .type, .at, .value}) AS events
