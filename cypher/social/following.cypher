// purpose: Give a page of the users that one follows
// param: id STRING
// param: after STRING, last id of the page before; empty for the first
// param: limit INTEGER
// returns: id STRING, weight FLOAT
// mode: read
MATCH (u:User {id: $id})-[r:FOLLOWS]->(v:User)
WHERE v.id > $after
RETURN v.id AS id, r.weight AS weight
ORDER BY v.id
LIMIT $limit
