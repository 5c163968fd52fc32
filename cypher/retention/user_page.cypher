// purpose: Name the next users by id
// param: after STRING, last id of the page before; empty for the first
// param: limit INTEGER
// returns: id STRING
// mode: read
MATCH (u:User)
WHERE u.id > $after
RETURN u.id AS id
ORDER BY u.id
LIMIT $limit
