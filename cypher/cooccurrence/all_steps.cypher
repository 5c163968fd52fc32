// purpose: Read every event that is a step of a sequence
// param: types LIST<STRING>
// returns: user_id STRING, at INTEGER, id STRING, item_id STRING, type STRING, value FLOAT, unfolded BOOLEAN
// mode: read
MATCH (e:Event)
WHERE e.item_id IS NOT NULL AND e.type IN $types
RETURN e.user_id AS user_id, e.at AS at, e.id AS id, e.item_id AS item_id, e.type AS type, e.value AS value, e:Unfolded AS unfolded
