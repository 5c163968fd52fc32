// purpose: Make users or replace their attributes, writing only what differs
// param: rows LIST<MAP> of id, created_at INTEGER or null, properties MAP; sorted by id
// param: own LIST<STRING>, properties of the engine's own that stay
// param: at INTEGER, epoch ms
// returns: created INTEGER, changed INTEGER, unchanged INTEGER
// mode: write
UNWIND $rows AS row
MERGE (u:User {id: row.id})
// The write takes the lock: what is compared below cannot change any more.
SET u.id = row.id
WITH u, row, u.created_at IS NULL AS created,
  [key IN keys(u) WHERE row.properties[key] IS NULL AND NOT key IN $own
    AND NOT key STARTS WITH 'embedding_' AND NOT key STARTS WITH 'embedded_at_'] AS stale
WITH u, row, created, stale,
  u.updated_at IS NULL OR size(stale) > 0 OR coalesce(row.created_at <> u.created_at, false)
  OR any(key IN keys(row.properties) WHERE u[key] IS NULL OR u[key] <> row.properties[key]) AS changed
FOREACH (_ IN CASE WHEN changed THEN [1] ELSE [] END |
  SET u += row.properties, u.updated_at = $at, u.created_at = coalesce(row.created_at, u.created_at, $at)
  FOREACH (key IN stale | REMOVE u[key])
)
RETURN sum(CASE WHEN created THEN 1 ELSE 0 END) AS created,
  sum(CASE WHEN changed AND NOT created THEN 1 ELSE 0 END) AS changed,
  sum(CASE WHEN changed THEN 0 ELSE 1 END) AS unchanged
