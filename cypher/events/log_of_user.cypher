// purpose: Give a user's latest events up to a time, newest first
// param: user_id STRING
// param: until INTEGER, epoch ms
// param: limit INTEGER
// returns: events LIST<LIST> of id, type, item id or null, at, value or null, interests LIST or null, parts LIST or null
// mode: read
// Ordered by user too, though there is one: then the index gives the order and only the newest are read.
MATCH (e:Event {user_id: $user_id}) USING INDEX e:Event(user_id, at)
WHERE e.at >= 0 AND e.at <= $until
WITH e ORDER BY e.user_id DESC, e.at DESC, e.id DESC LIMIT $limit
RETURN collect([e.id, e.type, e.item_id, e.at, e.value, e.interests, e.parts]) AS events
