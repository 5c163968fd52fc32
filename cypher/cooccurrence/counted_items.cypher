// purpose: Name the items that have a row or a popularity
// returns: id STRING
// mode: read
MATCH (i:Item)
WHERE i.popularity IS NOT NULL OR EXISTS { (i)-[:CO_OCCURS]->() }
RETURN i.id AS id
