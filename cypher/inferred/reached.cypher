// purpose: Tell how many counted edges reach each item
// returns: id STRING, reached INTEGER
// mode: read
MATCH (i:Item)
RETURN i.id AS id, COUNT { (:Item)-[:CO_OCCURS]->(i) } AS reached
