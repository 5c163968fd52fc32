// purpose: Replace the interests that a user declared
// param: user_id STRING
// param: interests LIST<MAP> of id, weight
// param: at INTEGER, epoch ms
// returns: missing LIST<STRING>, declared INTEGER
// mode: write
MERGE (u:User {id: $user_id})
  ON CREATE SET u.created_at = $at
SET u.events_at = $at
WITH u
CALL (u) {
  MATCH (u)-[old:INTERESTED_IN {source: 'declared'}]->()
  DELETE old
}
CALL (u) {
  UNWIND $interests AS row
  OPTIONAL MATCH (x:Interest {id: row.id})
  FOREACH (known IN CASE WHEN x IS NULL THEN [] ELSE [x] END |
    CREATE (u)-[:INTERESTED_IN {source: 'declared', weight: row.weight, updated_at: $at}]->(known)
  )
  RETURN collect(CASE WHEN x IS NULL THEN row.id END) AS missing, count(x) AS declared
}
RETURN missing, declared
