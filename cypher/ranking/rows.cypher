// purpose: Give the CO_OCCURS row of every item that has one
// returns: id STRING, targets LIST<STRING>, weights LIST<FLOAT>, times LIST<INTEGER> epoch ms at which each weight stands
// mode: read
MATCH (i:Item)
CALL (i) {
  MATCH (i)-[r:CO_OCCURS]->(j:Item)
  RETURN collect(j.id) AS targets, collect(r.weight) AS weights, collect(r.updated_at) AS times
}
WITH i, targets, weights, times
WHERE size(targets) > 0
RETURN i.id AS id, targets, weights, times
