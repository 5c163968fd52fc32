// purpose: Add events of following to who follows whom, each user locked before
// param: rows LIST<MAP> of source, target, weight, count; sorted by source and target
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
// Weight is what was given (by an import) and what events moved; following does not fade.
UNWIND $rows AS row
MATCH (u:User {id: row.source})
MATCH (v:User {id: row.target})
SET u.events_at = $now
WITH u, v, row
OPTIONAL MATCH (u)-[r:FOLLOWS]->(v)
FOREACH (_ IN CASE WHEN r IS NULL THEN [1] ELSE [] END |
  CREATE (u)-[:FOLLOWS {weight: row.weight, moved: row.weight, count: row.count}]->(v)
)
FOREACH (known IN CASE WHEN r IS NULL THEN [] ELSE [r] END |
  SET known += {
    given: CASE WHEN known.count IS NULL THEN known.weight ELSE known.given END,
    moved: coalesce(known.moved, 0.0) + row.weight,
    count: coalesce(known.count, 0) + row.count,
    weight: known.weight + row.weight
  }
)
