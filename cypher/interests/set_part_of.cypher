// purpose: Set what interests are part of, one of each larger kind, and end what earlier imports said the other way round
// param: rows LIST<MAP> of id, kind STRING, the larger kind, parent STRING, weight FLOAT, what the larger gets for each 1 that the part gets; sorted by id
// param: pairs LIST<LIST> of kind and larger kind that this import sets; they make no circle
// returns: written INTEGER, freed LIST<STRING> interests that are no longer part of another, since that would make a circle
// mode: write
UNWIND $rows AS row
MATCH (x:Interest {id: row.id})
MATCH (larger:Interest {id: row.parent})
CALL (x, row) {
  MATCH (x)-[old:PART_OF]->(other:Interest {kind: row.kind})
  WHERE other.id <> row.parent
  DELETE old
}
CALL (x, larger) {
  MATCH way = (larger)-[:PART_OF*1..8]->(x)
  UNWIND relationships(way) AS old
  WITH DISTINCT old
  // A circle has a part that this import does not set: its kinds make none.
  WHERE NOT [startNode(old).kind, endNode(old).kind] IN $pairs
  WITH old, startNode(old).id AS id
  DELETE old
  RETURN collect(id) AS freed
}
MERGE (x)-[r:PART_OF]->(larger)
SET r.weight = row.weight
RETURN count(r) AS written, reduce(all = [], ids IN collect(freed) | all + ids) AS freed
