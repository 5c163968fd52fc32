// purpose: Give for every item those that it resembles
// returns: id STRING, targets LIST<STRING>, similarities LIST<FLOAT> 0 to 1
// mode: read
MATCH (i:Item)
CALL (i) {
  MATCH (i)-[r:RESEMBLES]->(j:Item)
  RETURN collect(j.id) AS targets, collect(r.similarity) AS similarities
}
WITH i, targets, similarities
WHERE size(targets) > 0
RETURN i.id AS id, targets, similarities
