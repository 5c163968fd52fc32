// purpose: List every interest
// returns: id STRING, kind STRING, name STRING
// mode: read
MATCH (x:Interest)
RETURN x.id AS id, x.kind AS kind, x.name AS name
