// purpose: Delete what joins users to an item
// param: id STRING
// param: users LIST<STRING>
// returns: nothing
// mode: write
MATCH (i:Item {id: $id})
UNWIND $users AS user_id
MATCH (:User {id: user_id})-[r:INTERACTED]->(i)
DELETE r
