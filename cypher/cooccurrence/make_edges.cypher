// purpose: Make CO_OCCURS relationships that are not there; the caller holds their shard
// param: rows LIST<MAP> of id, targets LIST<LIST> of id, weight, count, at
// returns: edges INTEGER, fewer than asked for where a target is gone
// mode: write
UNWIND $rows AS row
MATCH (i:Item {id: row.id})
CALL (i, row) {
  UNWIND row.targets AS target
  MATCH (j:Item {id: target[0]})
  CREATE (i)-[:CO_OCCURS {weight: target[1], count: target[2], updated_at: target[3]}]->(j)
  RETURN count(j) AS made
}
RETURN coalesce(sum(made), 0) AS edges
