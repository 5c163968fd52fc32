// purpose: Tell which users are not in the graph
// param: ids LIST<STRING>
// returns: id STRING
// mode: read
UNWIND $ids AS id
OPTIONAL MATCH (u:User {id: id})
WITH id, u WHERE u IS NULL
RETURN id
