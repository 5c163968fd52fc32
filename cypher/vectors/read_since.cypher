// purpose: Give the vectors of a version that were written after a stamp
// param: stamp INTEGER
// returns: id STRING, vector LIST<FLOAT>
// mode: read
MATCH (n:<<label>>)
WHERE n.<<embedded_at>> > $stamp
RETURN n.id AS id, n.<<embedding>> AS vector
