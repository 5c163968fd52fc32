// purpose: Make the INTERACTED relationships of users who have none, each user locked before
// param: users LIST<MAP> of id, interactions LIST<LIST> of item, event, count, times, weight, at, half-life in ms
// param: times_kept INTEGER
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
UNWIND $users AS row
MATCH (u:User {id: row.id})
SET u.events_at = $now
WITH u, row
UNWIND row.interactions AS move
MATCH (i:Item {id: move[0]})
CREATE (u)-[:INTERACTED {
  event: move[1], count: move[2], times: move[3][-$times_kept..], last_at: move[5], weight: move[4], updated_at: move[5]
}]->(i)
