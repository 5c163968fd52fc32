// purpose: Tell which items are not in the graph
// param: ids LIST<STRING>
// returns: id STRING
// mode: read
UNWIND $ids AS id
OPTIONAL MATCH (i:Item {id: id})
WITH id, i WHERE i IS NULL
RETURN id
