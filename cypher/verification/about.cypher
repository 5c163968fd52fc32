// purpose: Give the interests that events on items move, and when what they are about was last changed
// returns: id STRING, changed_at INTEGER epoch ms, about LIST<LIST> of interest id and weight
// mode: read
MATCH (i:Item)
CALL (i) {
  MATCH (i)-[r:ABOUT]->(x:Interest)
  WHERE r.wider IS NULL
  RETURN collect([x.id, r.weight]) AS about
}
RETURN i.id AS id, coalesce(i.about_at, i.updated_at, 0) AS changed_at, about
