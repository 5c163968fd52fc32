// purpose: Delete relationships of an item, a bounded number at a time; items whose rows lose it are stamped
// param: id STRING
// param: limit INTEGER
// param: now INTEGER, epoch ms
// returns: deleted INTEGER
// mode: write
MERGE (s:State {id: 'co_occurrence'})
  ON CREATE SET s.state = 'live', s.generation = 0
// Under the lock of the folds, so that stamps keep rising.
SET s.id = 'co_occurrence'
SET s.folded_at = CASE WHEN s.folded_at >= $now THEN s.folded_at + 1 ELSE $now END
WITH s.folded_at AS stamp
MATCH (i:Item {id: $id})-[r]-(other)
WHERE NOT r:INTERACTED
WITH stamp, r, other, startNode(r) = other AND other:Item AS row
LIMIT $limit
FOREACH (changed IN CASE WHEN row THEN [other] ELSE [] END | SET changed.edges_at = stamp)
DELETE r
RETURN count(r) AS deleted
