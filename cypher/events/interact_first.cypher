// purpose: Make the INTERACTED relationships of users who have none, each user locked before
// param: users LIST<MAP> of id, interactions MAP to LIST of node of the item, event, times, weight, at, half-life in ms
// param: times_kept INTEGER
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
UNWIND $users AS row
MATCH (u:User {id: row.id})
SET u.events_at = $now
WITH u, row
UNWIND keys(row.interactions) AS key
WITH u, row.interactions[key] AS move
MATCH (i) WHERE id(i) = move[0]
CREATE (u)-[:INTERACTED {
  event: move[1], count: size(move[2]), times: move[2][-$times_kept..], last_at: move[4], weight: move[3],
  updated_at: move[4]
}]->(i)
