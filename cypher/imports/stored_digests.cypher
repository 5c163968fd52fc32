// purpose: Give the digests of events that are stored
// param: ids LIST<STRING>
// returns: id STRING, digest STRING
// mode: read
UNWIND $ids AS id
MATCH (e:Event {id: id})
RETURN id, e.digest AS digest
