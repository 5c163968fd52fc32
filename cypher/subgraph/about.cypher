// purpose: Give the strongest ABOUT relationships of items
// param: ids LIST<STRING>
// param: limit INTEGER, relationships of one item
// returns: source STRING, targets LIST<STRING>, weights LIST<FLOAT>; strongest first
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})
CALL (i) {
  MATCH (i)-[r:ABOUT]->(x:Interest)
  WITH x, r.weight AS weight
  ORDER BY weight DESC, x.id
  LIMIT $limit
  RETURN collect(x.id) AS targets, collect(weight) AS weights
}
RETURN id AS source, targets, weights
