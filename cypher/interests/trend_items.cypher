// purpose: Give the items most about an interest, with how many INTERACTED relationships each has
// param: id STRING
// param: limit INTEGER, items
// returns: items LIST<LIST> of id, weight, relationships, edges INTEGER, relationships of all items; no row where there is no such interest
// mode: read
MATCH (x:Interest {id: $id})
CALL (x) {
  OPTIONAL MATCH (x)<-[r:ABOUT]-(i:Item)
  WITH i, r.weight AS weight, CASE WHEN i IS NULL THEN 0 ELSE count { (i)<-[:INTERACTED]-() } END AS edges
  ORDER BY weight DESC, i.id
  RETURN [entry IN collect([i.id, weight, edges]) WHERE entry[0] IS NOT NULL][..$limit] AS items, sum(edges) AS edges
}
RETURN items, edges
