// purpose: Give the items whose vectors are nearest to one, by the index
// param: index STRING
// param: vector LIST<FLOAT>
// param: limit INTEGER
// returns: id STRING, score FLOAT, cosine similarity mapped to 0 to 1
// mode: read
CALL db.index.vector.queryNodes($index, $limit, $vector) YIELD node, score
RETURN node.id AS id, score
ORDER BY score DESC, id
