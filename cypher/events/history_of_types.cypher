// purpose: Give a user's latest events of some types that have an item, newest first
// param: user_id STRING
// param: types LIST<STRING>
// param: limit INTEGER
// returns: item_id STRING, type STRING, at INTEGER epoch ms
// mode: read
// Ordered by user too, though there is one: then the index gives the order and only the newest are read.
MATCH (e:Event {user_id: $user_id}) USING INDEX e:Event(user_id, at)
WHERE e.at >= 0 AND e.item_id IS NOT NULL AND e.type IN $types
RETURN e.item_id AS item_id, e.type AS type, e.at AS at
ORDER BY e.user_id DESC, e.at DESC, e.id DESC
LIMIT $limit
