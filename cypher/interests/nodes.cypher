// purpose: Tell where interests are, for the statements of the same transaction
// param: ids LIST<STRING>
// returns: id STRING, node INTEGER; those that are not there are left out
// mode: read
UNWIND $ids AS name
MATCH (x:Interest {id: name})
RETURN name AS id, id(x) AS node
