// purpose: Give the interests whose vectors are nearest to that of one, by the index
// param: id STRING
// param: index STRING
// param: limit INTEGER
// returns: id STRING, kind STRING, name STRING, score FLOAT, cosine mapped to 0 to 1; best first
// mode: read
MATCH (x:Interest {id: $id})
WHERE x.<<embedding>> IS NOT NULL
CALL (x) {
  CALL db.index.vector.queryNodes($index, $limit, x.<<embedding>>) YIELD node, score
  RETURN node, score
}
RETURN node.id AS id, node.kind AS kind, node.name AS name, score
ORDER BY score DESC, id
