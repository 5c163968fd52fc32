// purpose: Give the interests that events on some items move, and when what they are about was last changed
// param: ids LIST<STRING>
// returns: id STRING, changed_at INTEGER epoch ms, about LIST<LIST> of interest id and weight
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})
CALL (i) {
  MATCH (i)-[r:ABOUT]->(x:Interest)
  WHERE r.wider IS NULL
  RETURN collect([x.id, r.weight]) AS about
}
RETURN i.id AS id, coalesce(i.about_at, i.updated_at, 0) AS changed_at, about
