// purpose: Give a page of the ids of nodes
// param: after STRING, last id of the page before; empty for the first
// param: limit INTEGER
// returns: id STRING
// mode: read
MATCH (n:<<label>>)
WHERE n.id > $after
RETURN n.id AS id
ORDER BY n.id
LIMIT $limit
