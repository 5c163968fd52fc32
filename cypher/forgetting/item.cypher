// purpose: Delete an item that no user is joined to
// param: id STRING
// returns: deleted BOOLEAN, found BOOLEAN; not deleted where an event came in meanwhile
// mode: write
OPTIONAL MATCH (i:Item {id: $id})
FOREACH (known IN CASE WHEN i IS NULL THEN [] ELSE [i] END | SET known.id = $id)
WITH i, EXISTS { (i)<-[:INTERACTED]-() } AS busy
OPTIONAL MATCH (s:State {id: 'resemblance'})
// What resembled it has an edge less until all items are compared again.
FOREACH (joined IN CASE WHEN i IS NULL OR busy OR s IS NULL THEN [] ELSE [s] END |
  SET joined.changed = coalesce(joined.changed, 0) + 1)
FOREACH (gone IN CASE WHEN i IS NULL OR busy THEN [] ELSE [i] END | DETACH DELETE gone)
RETURN NOT busy AS deleted, i IS NOT NULL AS found
