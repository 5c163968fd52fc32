// purpose: Give the CO_OCCURS rows and the popularity that changed after a stamp
// param: stamp INTEGER
// returns: id STRING, popularity FLOAT, popularity_at INTEGER, targets LIST<STRING>, weights LIST<FLOAT>, times LIST<INTEGER> epoch ms at which each weight stands
// mode: read
MATCH (i:Item)
WHERE i.edges_at > $stamp
CALL (i) {
  MATCH (i)-[r:CO_OCCURS]->(j:Item)
  RETURN collect(j.id) AS targets, collect(r.weight) AS weights, collect(r.updated_at) AS times
}
RETURN i.id AS id, i.popularity AS popularity, i.popularity_at AS popularity_at, targets, weights, times
