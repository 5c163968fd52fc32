// purpose: Give the users whose vectors are nearest to those of some, by the index
// param: ids LIST<STRING>
// param: index STRING
// param: limit INTEGER, users for each
// returns: id STRING, near LIST<LIST> of user id and score, cosine mapped to 0 to 1; best first
// mode: read
UNWIND $ids AS id
MATCH (u:User {id: id})
WHERE u.<<embedding>> IS NOT NULL
CALL (u) {
  CALL db.index.vector.queryNodes($index, $limit, u.<<embedding>>) YIELD node, score
  WITH node, score ORDER BY score DESC, node.id
  RETURN collect([node.id, score]) AS near
}
RETURN id, near
