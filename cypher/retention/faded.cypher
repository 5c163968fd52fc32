// purpose: Name a user's INTERACTED relationships that have faded and of whose events none is in the log
// param: ids LIST<STRING>, users
// param: floor FLOAT
// param: now INTEGER, epoch ms
// param: half_lives MAP of type to ms FLOAT
// param: longest_ms FLOAT, for other types
// returns: user_id STRING, item_id STRING, event STRING
// mode: read
UNWIND $ids AS id
MATCH (u:User {id: id})-[r:INTERACTED]->(i:Item)
WHERE r.old_count >= r.count
  AND abs(r.weight) * 2.0 ^ ((r.updated_at - $now) / coalesce($half_lives[r.event], $longest_ms)) < $floor
RETURN u.id AS user_id, i.id AS item_id, r.event AS event
