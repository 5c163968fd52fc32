// purpose: Give a page of the ids of items
// param: after STRING, last id of the page before; empty for the first
// param: limit INTEGER
// returns: id STRING
// mode: read
MATCH (i:Item)
WHERE i.id > $after
RETURN i.id AS id
ORDER BY i.id
LIMIT $limit
