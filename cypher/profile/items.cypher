// purpose: Give how often a user has dealt with items up to a time, and what they cost
// param: user_id STRING
// param: ids LIST<STRING>
// param: types LIST<STRING>, types of events that count
// param: at INTEGER, epoch ms
// param: price STRING, attribute of items that is their price
// returns: id STRING, count INTEGER, price ANY
// mode: read
MATCH (u:User {id: $user_id})
UNWIND $ids AS id
MATCH (i:Item {id: id})
OPTIONAL MATCH (u)-[r:INTERACTED]->(i)
WHERE r.event IN $types
RETURN id, sum(coalesce(r.count - size([t IN r.times WHERE t > $at]), 0)) AS count, i[$price] AS price
