// purpose: Make items or replace their content, writing only what differs
// param: rows LIST<MAP> of id, created_at INTEGER or null, properties MAP (title, available, attributes), about LIST<MAP> of id, weight; sorted by id
// param: own LIST<STRING>, properties of the engine's own that stay
// param: at INTEGER, epoch ms
// returns: created INTEGER, changed INTEGER, unchanged INTEGER
// mode: write
UNWIND $rows AS row
MERGE (i:Item {id: row.id})
// The write takes the lock: what is compared below cannot change any more.
SET i.id = row.id
WITH i, row, i.updated_at IS NULL AS bare, i.created_at IS NULL AS created
CALL (i) {
  // A topic that was found stays as long as the content does; what it took of the others' weights stands in `given`.
  OPTIONAL MATCH (i)-[r:ABOUT]->(x:Interest)
  WHERE coalesce(r.source, '') <> 'clusters'
  RETURN [pair IN collect([x.id, coalesce(r.given, r.weight)]) WHERE pair[0] IS NOT NULL] AS known
}
WITH i, row, bare, created, known,
  [key IN keys(i) WHERE row.properties[key] IS NULL AND NOT key IN $own
    AND NOT key STARTS WITH 'embedding_' AND NOT key STARTS WITH 'embedded_at_'] AS stale
WITH i, row, created, known, stale,
  bare OR size(stale) > 0 OR coalesce(row.created_at <> i.created_at, false) OR size(known) <> size(row.about)
  OR any(key IN keys(row.properties) WHERE i[key] IS NULL OR i[key] <> row.properties[key])
  OR any(entry IN row.about WHERE NOT [entry.id, entry.weight] IN known) AS changed
FOREACH (_ IN CASE WHEN changed THEN [1] ELSE [] END |
  SET i += row.properties, i.updated_at = $at, i.created_at = coalesce(row.created_at, i.created_at, $at)
  FOREACH (key IN stale | REMOVE i[key])
)
WITH i, row, created, changed
CALL (i, row, changed) {
  WITH i, row WHERE changed
  CALL (i, row) {
    MATCH (i)-[r:ABOUT]->(x:Interest)
    WHERE NOT x.id IN [entry IN row.about | entry.id]
    DELETE r
  }
  UNWIND row.about AS entry
  MATCH (x:Interest {id: entry.id})
  MERGE (i)-[r:ABOUT]->(x)
  SET r.weight = entry.weight, r.given = null
}
CALL (i, changed) {
  // Events do not move an interest that one of the item's others is part of: it is read through PART_OF.
  WITH i WHERE changed
  OPTIONAL MATCH (i)-[:ABOUT]->(:Interest)-[:PART_OF*1..8]->(y:Interest)
  WITH i, collect(DISTINCT y) AS above
  MATCH (i)-[r:ABOUT]->(x:Interest)
  SET r.wider = CASE WHEN x IN above THEN true END
}
RETURN sum(CASE WHEN created THEN 1 ELSE 0 END) AS created,
  sum(CASE WHEN changed AND NOT created THEN 1 ELSE 0 END) AS changed,
  sum(CASE WHEN changed THEN 0 ELSE 1 END) AS unchanged
