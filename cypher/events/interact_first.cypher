// purpose: Make the INTERACTED relationships of users who have none, each user locked before
// param: users LIST<MAP> of id, interactions LIST<MAP> of item, event, count, times, weight, at
// param: times_kept INTEGER
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
UNWIND $users AS row
MATCH (u:User {id: row.id})
SET u.events_at = $now
WITH u, row
UNWIND row.interactions AS move
MATCH (i:Item {id: move.item})
CREATE (u)-[:INTERACTED {
  event: move.event, count: move.count, times: move.times[-$times_kept..], last_at: move.at, weight: move.weight,
  updated_at: move.at
}]->(i)
