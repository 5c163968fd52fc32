// purpose: Give the vectors of nodes under a version
// param: ids LIST<STRING>
// returns: id STRING, vector LIST<FLOAT>
// mode: read
UNWIND $ids AS id
MATCH (n:<<label>> {id: id})
WHERE n.<<embedding>> IS NOT NULL
RETURN n.id AS id, n.<<embedding>> AS vector
