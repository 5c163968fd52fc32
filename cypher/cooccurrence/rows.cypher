// purpose: Read the CO_OCCURS rows of items, as columns
// param: ids LIST<STRING>
// returns: id STRING, targets LIST<STRING>, weights LIST<FLOAT>, counts LIST<INTEGER>, times LIST<INTEGER> epoch ms
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})
CALL (i) {
  MATCH (i)-[r:CO_OCCURS]->(j)
  RETURN collect(j.id) AS targets, collect(r.weight) AS weights, collect(r.count) AS counts, collect(r.updated_at) AS times
}
RETURN id, targets, weights, counts, times
