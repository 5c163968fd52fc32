// purpose: Give the strongest CO_OCCURS relationships of items, as of a time
// param: ids LIST<STRING>
// param: as_of INTEGER, epoch ms
// param: half_life_ms FLOAT
// param: limit INTEGER, relationships of one item
// returns: source STRING, targets LIST<STRING>, weights LIST<FLOAT>; strongest first
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})
CALL (i) {
  MATCH (i)-[r:CO_OCCURS]->(j:Item)
  WITH j, r.weight * 2.0 ^ ((coalesce(r.updated_at, $as_of) - $as_of) / $half_life_ms) AS weight
  ORDER BY weight DESC, j.id
  LIMIT $limit
  RETURN collect(j.id) AS targets, collect(weight) AS weights
}
RETURN id AS source, targets, weights
