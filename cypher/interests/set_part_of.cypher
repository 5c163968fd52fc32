// purpose: Set what interests are part of: one of each larger kind
// param: rows LIST<MAP> of id, kind STRING, the larger kind, parent STRING, weight FLOAT, what the larger gets for each 1 that the part gets; sorted by id
// returns: written INTEGER
// mode: write
UNWIND $rows AS row
MATCH (x:Interest {id: row.id})
MATCH (larger:Interest {id: row.parent})
CALL (x, row) {
  MATCH (x)-[old:PART_OF]->(other:Interest {kind: row.kind})
  WHERE other.id <> row.parent
  DELETE old
}
MERGE (x)-[r:PART_OF]->(larger)
SET r.weight = row.weight
RETURN count(r) AS written
