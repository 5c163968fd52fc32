// purpose: Set who follows whom and how strongly
// param: rows LIST<MAP> of source, target, weight; sorted by source and target
// returns: edges INTEGER
// mode: write
UNWIND $rows AS row
MATCH (u:User {id: row.source})
MATCH (v:User {id: row.target})
MERGE (u)-[r:FOLLOWS]->(v)
SET r.weight = row.weight
RETURN count(r) AS edges
