// purpose: Make the INTERESTED_IN relationships of users who have none, each user locked before
// param: users LIST<MAP> of id, interests LIST<LIST> of node, mass, at, count; mass FLOAT sum of the positive ones as of at
// returns: nothing
// mode: write
UNWIND $users AS row
MATCH (u:User {id: row.id})
SET u.interest_mass = row.mass, u.interest_mass_at = row.at
WITH u, row
UNWIND row.interests AS move
MATCH (x) WHERE id(x) = move[0]
CREATE (u)-[:INTERESTED_IN {
  source: 'behaviour', mass: CASE WHEN move[1] < 0 THEN move[1] END,
  weight: CASE WHEN move[1] > 0 THEN move[1] ELSE 0.0 END, count: move[3], updated_at: move[2]
}]->(x)
