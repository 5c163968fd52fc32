// purpose: Name every user, in the order of ids
// returns: id STRING
// mode: read
MATCH (u:User)
WHERE u.id > ''
RETURN u.id AS id
ORDER BY u.id
