// purpose: Give what interests are called
// param: ids LIST<STRING>
// returns: id STRING, kind STRING, name STRING
// mode: read
UNWIND $ids AS id
MATCH (x:Interest {id: id})
RETURN id, x.kind AS kind, x.name AS name
