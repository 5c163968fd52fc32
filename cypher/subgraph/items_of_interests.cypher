// purpose: Give the items that are most about interests
// param: ids LIST<STRING>
// param: limit INTEGER, items of one interest
// returns: source STRING interest, targets LIST<STRING> items, weights LIST<FLOAT>; strongest first
// mode: read
UNWIND $ids AS id
MATCH (x:Interest {id: id})
CALL (x) {
  MATCH (x)<-[r:ABOUT]-(i:Item)
  WITH i, r.weight AS weight
  ORDER BY weight DESC, i.id
  LIMIT $limit
  RETURN collect(i.id) AS targets, collect(weight) AS weights
}
RETURN id AS source, targets, weights
