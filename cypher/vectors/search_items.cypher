// purpose: Give the items whose vectors are nearest to one, by the index and the SEARCH clause
// param: vector LIST<FLOAT>
// param: limit INTEGER
// returns: id STRING, score FLOAT, cosine similarity mapped to 0 to 1
// mode: read
// capability: search_clause
CYPHER 25
MATCH (i:Item)
SEARCH i IN (VECTOR INDEX <<index>> FOR $vector LIMIT $limit) SCORE AS score
RETURN i.id AS id, score
ORDER BY score DESC, id
