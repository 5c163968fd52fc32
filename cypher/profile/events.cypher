// purpose: Give a user's latest events of some types up to a time, newest first
// param: user_id STRING
// param: types LIST<STRING>
// param: at INTEGER, epoch ms
// param: limit INTEGER
// returns: type STRING, at INTEGER, item_id STRING or null, value FLOAT or null
// mode: read
MATCH (e:Event {user_id: $user_id}) USING INDEX e:Event(user_id, at)
WHERE e.at >= 0 AND e.at <= $at AND e.type IN $types
WITH e ORDER BY e.user_id DESC, e.at DESC, e.id DESC LIMIT $limit
RETURN e.type AS type, e.at AS at, e.item_id AS item_id, e.value AS value
