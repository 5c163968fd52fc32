// purpose: Count users
// returns: users INTEGER
// mode: read
MATCH (u:User)
RETURN count(u) AS users
