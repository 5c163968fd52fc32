// purpose: Give the vectors of every node of a label under a version, as packed 32-bit numbers
// returns: id STRING, vector VECTOR
// mode: read
// capability: packed_vectors
CYPHER 25
MATCH (n:<<label>>)
WHERE n.<<embedding>> IS NOT NULL
RETURN n.id AS id, vector(n.<<embedding>>, size(n.<<embedding>>), FLOAT32) AS vector
