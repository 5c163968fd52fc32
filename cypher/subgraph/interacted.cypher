// purpose: Give the items that users have most to do with, all types of events added up, as of a time
// param: ids LIST<STRING>
// param: as_of INTEGER, epoch ms
// param: half_lives_ms MAP of FLOAT by type of event
// param: half_life_ms FLOAT, that of types not named
// param: limit INTEGER, items of one user
// returns: source STRING user, targets LIST<STRING> items, weights LIST<FLOAT>; strongest first, only positive ones
// mode: read
UNWIND $ids AS id
MATCH (u:User {id: id})
CALL (u) {
  MATCH (u)-[r:INTERACTED]->(i:Item)
  WITH i, sum(r.weight * 2.0 ^ ((coalesce(r.updated_at, $as_of) - $as_of) / coalesce($half_lives_ms[r.event], $half_life_ms))) AS weight
  WHERE weight > 0
  WITH i, weight ORDER BY weight DESC, i.id LIMIT $limit
  RETURN collect(i.id) AS targets, collect(weight) AS weights
}
RETURN id AS source, targets, weights
