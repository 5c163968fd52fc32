// purpose: Set how related two interests are
// param: rows LIST<MAP> of source, target, weight; sorted by source and target
// returns: edges INTEGER
// mode: write
UNWIND $rows AS row
MATCH (x:Interest {id: row.source})
MATCH (y:Interest {id: row.target})
MERGE (x)-[r:RELATED_TO]->(y)
SET r.weight = row.weight
RETURN count(r) AS edges
