// purpose: Give the users whose vector of a version was written after a stamp, by id
// param: since INTEGER
// returns: id STRING
// mode: read
MATCH (u:User)
WHERE u.<<embedded_at>> > $since
RETURN u.id AS id
ORDER BY id
