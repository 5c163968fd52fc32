// purpose: Give the interests whose vectors are nearest to that of one, by the index and the SEARCH clause
// param: id STRING
// param: limit INTEGER
// returns: id STRING, kind STRING, name STRING, score FLOAT, cosine mapped to 0 to 1; best first
// mode: read
// capability: search_clause
CYPHER 25
MATCH (x:Interest {id: $id})
WHERE x.<<embedding>> IS NOT NULL
CALL (x) {
  MATCH (y:Interest)
  SEARCH y IN (VECTOR INDEX <<index>> FOR x.<<embedding>> LIMIT $limit) SCORE AS score
  RETURN y, score
}
RETURN y.id AS id, y.kind AS kind, y.name AS name, score
ORDER BY score DESC, id
