// purpose: Give the CO_OCCURS rows of some items
// param: ids LIST<STRING>
// returns: id STRING, stamp INTEGER of its latest change, targets LIST<STRING>, weights LIST<FLOAT>, times LIST<INTEGER> epoch ms at which each weight stands
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})
CALL (i) {
  MATCH (i)-[r:CO_OCCURS]->(j:Item)
  RETURN collect(j.id) AS targets, collect(r.weight) AS weights, collect(r.updated_at) AS times
}
RETURN i.id AS id, coalesce(i.edges_at, 0) AS stamp, targets, weights, times
