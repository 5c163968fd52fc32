// purpose: Give the names of topics
// param: ids LIST<STRING>
// returns: id STRING, name STRING
// mode: read
UNWIND $ids AS id
MATCH (x:Interest {id: id})
RETURN x.id AS id, x.name AS name
