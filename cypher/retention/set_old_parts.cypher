// purpose: Keep what a locked user's pruned events gave beside what the relationships hold
// param: user_id STRING
// param: interacted LIST<MAP> of item_id, event, count, weight, at
// param: interested LIST<MAP> of interest_id, count, mass, at; null for none
// param: follows LIST<MAP> of user_id, count, moved
// returns: nothing
// mode: write
MATCH (u:User {id: $user_id})
REMOVE u.log_gap_at
WITH u
CALL (u) {
  UNWIND $interacted AS row
  MATCH (u)-[r:INTERACTED {event: row.event}]->(:Item {id: row.item_id})
  SET r.old_count = row.count, r.old_weight = row.weight, r.old_at = row.at
}
CALL (u) {
  UNWIND $interested AS row
  MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(:Interest {id: row.interest_id})
  SET r.old_count = row.count, r.old_mass = row.mass, r.old_at = row.at
}
CALL (u) {
  UNWIND $follows AS row
  MATCH (u)-[r:FOLLOWS]->(:User {id: row.user_id})
  SET r.old_count = row.count, r.old_moved = row.moved
}
