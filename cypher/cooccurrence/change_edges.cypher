// purpose: Set CO_OCCURS relationships that are there, and delete those whose count is 0; the caller holds their shard
// param: rows LIST<MAP> of id, targets MAP from id to LIST of weight, count, at
// returns: edges INTEGER
// mode: write
UNWIND $rows AS row
MATCH (i:Item {id: row.id})
CALL (i, row) {
  MATCH (i)-[r:CO_OCCURS]->(j)
  WITH r, row.targets[j.id] AS to
  WHERE to IS NOT NULL
  FOREACH (_ IN CASE WHEN to[1] > 0 THEN [1] ELSE [] END | SET r.weight = to[0], r.count = to[1], r.updated_at = to[2])
  FOREACH (_ IN CASE WHEN to[1] > 0 THEN [] ELSE [1] END | DELETE r)
  RETURN count(*) AS changed
}
RETURN coalesce(sum(changed), 0) AS edges
