// purpose: List the items that inferred edges lead to
// returns: id STRING
// mode: read
MATCH (:Item)-[:MAY_CO_OCCUR]->(n:Item)
RETURN DISTINCT n.id AS id
ORDER BY id
