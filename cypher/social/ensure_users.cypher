// purpose: Lock the users of links, making those that are missing where that is wanted
// param: ids LIST<STRING>, sorted
// param: create BOOLEAN
// param: at INTEGER, epoch ms
// returns: missing LIST<STRING>
// mode: write
UNWIND $ids AS id
CALL (id) {
  WITH id WHERE $create
  MERGE (u:User {id: id})
    ON CREATE SET u.created_at = $at
}
OPTIONAL MATCH (u:User {id: id})
FOREACH (known IN CASE WHEN u IS NULL THEN [] ELSE [u] END | SET known.id = id)
WITH id, u WHERE u IS NULL
RETURN collect(id) AS missing
