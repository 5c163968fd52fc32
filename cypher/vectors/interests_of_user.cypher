// purpose: Give the interests whose vectors are nearest to a user's, by the index
// param: user_id STRING
// param: index STRING
// param: limit INTEGER
// returns: id STRING, kind STRING, name STRING, score FLOAT, cosine similarity mapped to 0 to 1
// mode: read
MATCH (u:User {id: $user_id})
WHERE u.<<embedding>> IS NOT NULL
CALL db.index.vector.queryNodes($index, $limit, u.<<embedding>>) YIELD node, score
RETURN node.id AS id, node.kind AS kind, node.name AS name, score
ORDER BY score DESC, id
