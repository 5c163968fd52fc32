// purpose: Give a page of interests by id
// param: after STRING, last id of the page before; empty for the first
// param: limit INTEGER
// returns: id STRING, kind STRING, name STRING
// mode: read
MATCH (x:Interest)
WHERE x.id > $after
RETURN x.id AS id, x.kind AS kind, x.name AS name
ORDER BY x.id
LIMIT $limit
