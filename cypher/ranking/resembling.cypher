// purpose: Give those that items resemble, of the items whose row was written after a stamp
// param: stamp INTEGER; -1 for all
// returns: id STRING, targets LIST<STRING>, similarities LIST<FLOAT> 0 to 1
// mode: read
MATCH (i:Item)
WHERE i.resembles_at > $stamp
CALL (i) {
  MATCH (i)-[r:RESEMBLES]->(j:Item)
  RETURN collect(j.id) AS targets, collect(r.similarity) AS similarities
}
RETURN i.id AS id, targets, similarities
