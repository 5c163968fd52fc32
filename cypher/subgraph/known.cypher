// purpose: Name those of the nodes that there are
// param: ids LIST<STRING>
// returns: id STRING
// mode: read
UNWIND $ids AS id
MATCH (n:<<label>> {id: id})
RETURN n.id AS id
