// purpose: Add to CO_OCCURS relationships, keeping the strongest of each item
// param: rows LIST<MAP> of id, targets LIST<LIST> of id, weight, count, at
// param: as_of INTEGER, epoch ms
// param: half_life_ms FLOAT
// param: keep INTEGER
// returns: edges INTEGER written
// mode: write
UNWIND $rows AS row
MATCH (i:Item {id: row.id})
CALL (i, row) {
  // One look at the row serves both: which targets have an edge, and how strong a newcomer has to be.
  CALL (i) {
    MATCH (i)-[r:CO_OCCURS]->(j)
    WITH r, j.id AS id, r.weight * 2.0 ^ ((r.updated_at - $as_of) / $half_life_ms) AS value
    RETURN collect(r) AS edges, collect(id) AS ids, min(value) AS weakest
  }
  WITH edges, ids, CASE WHEN size(ids) >= $keep THEN weakest ELSE 0.0 END AS bar
  UNWIND row.targets AS target
  WITH target, bar, CASE WHEN target[0] IN ids
    THEN edges[reduce(place = 0, k IN range(0, size(ids) - 1) | CASE WHEN ids[k] = target[0] THEN k ELSE place END)] END AS r
  WITH target, r
  WHERE r IS NOT NULL
    OR (target[2] > 0 AND target[1] * 2.0 ^ ((target[3] - $as_of) / $half_life_ms) > bar)
  WITH target, r, CASE WHEN r.updated_at > target[3] THEN r.updated_at ELSE target[3] END AS latest
  WITH target, r, latest, target[2] + coalesce(r.count, 0) AS count,
    target[1] * 2.0 ^ ((target[3] - latest) / $half_life_ms)
      + coalesce(r.weight * 2.0 ^ ((r.updated_at - latest) / $half_life_ms), 0.0) AS weight
  FOREACH (known IN CASE WHEN r IS NOT NULL AND count > 0 THEN [r] ELSE [] END |
    SET known += {count: count, weight: CASE WHEN weight > 0 THEN weight ELSE 0.0 END, updated_at: latest}
  )
  FOREACH (gone IN CASE WHEN r IS NOT NULL AND count <= 0 THEN [r] ELSE [] END | DELETE gone)
  WITH i, target, r, latest, count, weight
  CALL (i, target, r, latest, count, weight) {
    WITH i, target, latest, count, weight WHERE r IS NULL
    MATCH (j:Item {id: target[0]})
    CREATE (i)-[:CO_OCCURS {count: count, weight: weight, updated_at: latest}]->(j)
    RETURN count(*) AS made
  }
  RETURN sum(CASE WHEN r IS NULL THEN made ELSE 1 END) AS edges
}
WITH i, edges
CALL (i) {
  WITH i WHERE COUNT { (i)-[:CO_OCCURS]->() } > $keep
  MATCH (i)-[r:CO_OCCURS]->(j)
  WITH r ORDER BY r.weight * 2.0 ^ ((r.updated_at - $as_of) / $half_life_ms) DESC, j.id SKIP $keep
  DELETE r
}
RETURN sum(edges) AS edges
