// purpose: Give the vectors of every node of a label under a version
// returns: id STRING, vector LIST<FLOAT>
// mode: read
MATCH (n:<<label>>)
WHERE n.<<embedding>> IS NOT NULL
RETURN n.id AS id, n.<<embedding>> AS vector
