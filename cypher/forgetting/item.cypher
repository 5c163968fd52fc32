// purpose: Delete an item that no user is joined to
// param: id STRING
// returns: deleted BOOLEAN, found BOOLEAN; not deleted where an event came in meanwhile
// mode: write
OPTIONAL MATCH (i:Item {id: $id})
FOREACH (known IN CASE WHEN i IS NULL THEN [] ELSE [i] END | SET known.id = $id)
WITH i, EXISTS { (i)<-[:INTERACTED]-() } AS busy
FOREACH (gone IN CASE WHEN i IS NULL OR busy THEN [] ELSE [i] END | DETACH DELETE gone)
RETURN NOT busy AS deleted, i IS NOT NULL AS found
