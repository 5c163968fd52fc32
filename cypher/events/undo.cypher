// purpose: Set what an event moved to what it is without it, the user locked before
// param: user_id STRING
// param: item_id STRING or null
// param: type STRING
// param: interaction MAP of count, times, last_at, weight, updated_at; none where nothing of it is left
// param: interests LIST<MAP> of id, mass, count, updated_at
// param: gone LIST<STRING> interests that nothing is left of
// param: half_life_ms FLOAT, of interests
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
MATCH (u:User {id: $user_id})
SET u.events_at = $now
WITH u
CALL (u) {
  MATCH (i:Item {id: $item_id})
  MATCH (u)-[r:INTERACTED {event: $type}]->(i)
  FOREACH (_ IN CASE WHEN $interaction IS NULL THEN [1] ELSE [] END | DELETE r)
  FOREACH (left IN CASE WHEN $interaction IS NULL THEN [] ELSE [$interaction] END | SET r += left)
}
CALL (u) {
  UNWIND $gone AS id
  MATCH (x:Interest {id: id})
  MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(x)
  DELETE r
}
CALL (u) {
  UNWIND $interests AS row
  MATCH (x:Interest {id: row.id})
  MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(x)
  SET r += {
    mass: CASE WHEN row.mass < 0 THEN row.mass END, weight: CASE WHEN row.mass > 0 THEN row.mass ELSE 0.0 END,
    count: row.count, updated_at: row.updated_at
  }
}
CALL (u) {
  MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->()
  WITH max(r.updated_at) AS newest, collect([r.weight, r.updated_at]) AS parts
  RETURN newest, reduce(sum = 0.0, part IN parts | sum + part[0] * 2.0 ^ ((part[1] - newest) / $half_life_ms)) AS mass
}
SET u.interest_mass = mass, u.interest_mass_at = newest
