// purpose: Delete relationships of a user, a bounded number at a time
// param: id STRING
// param: limit INTEGER
// returns: deleted INTEGER
// mode: write
MATCH (u:User {id: $id})
SET u.id = $id
WITH u
MATCH (u)-[r]-()
// Followers go together with their events.
WHERE NOT (r:FOLLOWS AND endNode(r) = u)
WITH r LIMIT $limit
DELETE r
RETURN count(r) AS deleted
