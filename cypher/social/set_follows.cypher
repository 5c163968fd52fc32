// purpose: Set who follows whom and how strongly
// param: rows LIST<MAP> of source, target, weight; sorted by source and target
// returns: edges INTEGER
// mode: write
UNWIND $rows AS row
MATCH (u:User {id: row.source})
MATCH (v:User {id: row.target})
MERGE (u)-[r:FOLLOWS]->(v)
// What events of following moved stays beside what is given here.
SET r.weight = row.weight + coalesce(r.moved, 0.0), r.given = CASE WHEN r.count IS NOT NULL THEN row.weight END
RETURN count(r) AS edges
