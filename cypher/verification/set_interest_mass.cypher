// purpose: Set the sum of a locked user's interests
// param: user_id STRING
// param: mass FLOAT
// param: at INTEGER, epoch ms
// returns: nothing
// mode: write
MATCH (u:User {id: $user_id})
SET u.interest_mass = $mass, u.interest_mass_at = $at
