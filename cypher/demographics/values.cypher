// purpose: Count the users who have each value of an attribute
// param: name STRING
// returns: value ANY, users INTEGER
// mode: read
MATCH (u:User)
WHERE u[$name] IS NOT NULL
RETURN u[$name] AS value, count(*) AS users
