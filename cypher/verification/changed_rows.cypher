// purpose: Name the items whose row or popularity changed after a stamp of the fold
// param: stamp INTEGER
// returns: id STRING
// mode: read
MATCH (i:Item)
WHERE i.edges_at > $stamp
RETURN i.id AS id
