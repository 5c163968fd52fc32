// purpose: Give the titles of items
// param: ids LIST<STRING>
// returns: id STRING, title STRING or null
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})
RETURN id, i.title AS title
