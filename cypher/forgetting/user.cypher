// purpose: Delete a user of whom no event is left
// param: id STRING
// returns: deleted BOOLEAN, found BOOLEAN; not deleted where an event came in meanwhile
// mode: write
OPTIONAL MATCH (u:User {id: $id})
// The write takes the lock that every batch of events takes first.
FOREACH (known IN CASE WHEN u IS NULL THEN [] ELSE [u] END | SET known.id = $id)
WITH u, EXISTS { MATCH (e:Event {user_id: $id}) WHERE e.at >= 0 } OR EXISTS { (u)<-[:FOLLOWS]-() } AS busy
FOREACH (gone IN CASE WHEN u IS NULL OR busy THEN [] ELSE [u] END | DETACH DELETE gone)
RETURN NOT busy AS deleted, u IS NOT NULL AS found
