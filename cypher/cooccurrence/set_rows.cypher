// purpose: Set the CO_OCCURS rows and the popularity of items to what a recount found, if it still owns the state
// param: run STRING
// param: now INTEGER, epoch ms
// param: rows LIST<MAP> of id, popularity, popularity_at, targets LIST<LIST> of id, weight, count, at
// param: keep INTEGER, edges kept of one item
// returns: items INTEGER, edges INTEGER; no row where another recount owns the state
// mode: write
MATCH (s:State {id: 'co_occurrence'})
SET s.id = 'co_occurrence'
WITH s WHERE s.run = $run AND s.state = 'rebuilding'
SET s.folded_at = CASE WHEN s.folded_at >= $now THEN s.folded_at + 1 ELSE $now END
WITH s.folded_at AS stamp
CALL (stamp) {
  UNWIND $rows AS row
  MATCH (i:Item {id: row.id})
  SET i.edges_at = stamp, i.popularity = row.popularity, i.popularity_at = row.popularity_at,
    i.edges_cut = CASE WHEN size(row.targets) >= $keep THEN true END
  WITH i, row, [target IN row.targets | target[0]] AS ids
  CALL (i, ids) {
    MATCH (i)-[stale:CO_OCCURS]->(j)
    WHERE NOT j.id IN ids
    DELETE stale
  }
  WITH i, row, COUNT { (i)-[:CO_OCCURS]->() } = 0 AS bare
  CALL (i, row, bare) {
    WITH i, row WHERE bare
    UNWIND row.targets AS target
    MATCH (j:Item {id: target[0]})
    CREATE (i)-[:CO_OCCURS {weight: target[1], count: target[2], updated_at: target[3]}]->(j)
    RETURN count(j) AS made
  }
  CALL (i, row, bare) {
    WITH i, row WHERE NOT bare
    UNWIND row.targets AS target
    MATCH (j:Item {id: target[0]})
    MERGE (i)-[r:CO_OCCURS]->(j)
    SET r += {weight: target[1], count: target[2], updated_at: target[3]}
    RETURN count(j) AS set
  }
  RETURN count(i) AS items, sum(made) + sum(set) AS edges
}
RETURN items, edges
