// purpose: Delete INTERACTED relationships of locked users
// param: rows LIST<MAP> of user_id, item_id, event
// returns: nothing
// mode: write
UNWIND $rows AS row
MATCH (:User {id: row.user_id})-[r:INTERACTED {event: row.event}]->(:Item {id: row.item_id})
DELETE r
