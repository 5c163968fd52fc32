// purpose: Give everything about every item that an answer needs, but its vectors and CO_OCCURS
// param: own LIST<STRING>, properties of the engine's own that are no attributes
// returns: id STRING, title STRING, available BOOLEAN, updated_at INTEGER, popularity FLOAT, popularity_at INTEGER, attributes LIST<LIST> of name, value, about LIST<STRING>, about_weights LIST<FLOAT>
// mode: read
MATCH (i:Item)
CALL (i) {
  MATCH (i)-[r:ABOUT]->(x:Interest)
  RETURN collect(x.id) AS about, collect(r.weight) AS about_weights
}
RETURN i.id AS id, i.title AS title, coalesce(i.available, true) AND i.forgotten_at IS NULL AS available, i.updated_at AS updated_at,
  i.popularity AS popularity, i.popularity_at AS popularity_at,
  [key IN keys(i) WHERE NOT key IN $own AND NOT key STARTS WITH 'embedding_' AND NOT key STARTS WITH 'embedded_at_' | [key, i[key]]] AS attributes,
  about, about_weights
