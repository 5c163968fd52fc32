// purpose: Delete what joins users to an item
// param: id STRING
// param: users LIST<STRING>
// returns: nothing
// mode: write
MATCH (i:Item {id: $id})
UNWIND $users AS user_id
MATCH (u:User {id: user_id})-[r:INTERACTED]->(i)
// What the user is interested in stays; part of it is no longer in the log.
SET u.log_gap_at = timestamp()
DELETE r
