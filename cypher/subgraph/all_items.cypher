// purpose: Give every item with its strongest relationships, as of a time
// param: as_of INTEGER, epoch ms
// param: half_life_ms FLOAT
// param: co_occurs INTEGER, CO_OCCURS relationships of one item
// param: about INTEGER, ABOUT relationships of one item
// returns: id STRING, co_occurs LIST<STRING>, co_occurs_weights LIST<FLOAT>, about LIST<STRING>, about_weights LIST<FLOAT>
// mode: read
MATCH (i:Item)
CALL (i) {
  MATCH (i)-[r:CO_OCCURS]->(j:Item)
  WITH j, r.weight * 2.0 ^ ((coalesce(r.updated_at, $as_of) - $as_of) / $half_life_ms) AS weight
  ORDER BY weight DESC, j.id
  LIMIT $co_occurs
  RETURN collect(j.id) AS co_occurs, collect(weight) AS co_occurs_weights
}
CALL (i) {
  MATCH (i)-[r:ABOUT]->(x:Interest)
  WITH x, r.weight AS weight
  ORDER BY weight DESC, x.id
  LIMIT $about
  RETURN collect(x.id) AS about, collect(weight) AS about_weights
}
RETURN i.id AS id, co_occurs, co_occurs_weights, about, about_weights
