// purpose: Delete relationships of an item, a bounded number at a time; items whose rows lose it are stamped
// param: id STRING
// param: limit INTEGER
// param: stamp INTEGER
// returns: deleted INTEGER
// mode: write
MATCH (i:Item {id: $id})-[r]-(other)
WHERE NOT r:INTERACTED
WITH r, other, startNode(r) = other AND other:Item AS row
LIMIT $limit
FOREACH (changed IN CASE WHEN row THEN [other] ELSE [] END |
  SET changed.edges_at = CASE WHEN changed.edges_at > $stamp THEN changed.edges_at ELSE $stamp END
)
DELETE r
RETURN count(r) AS deleted
