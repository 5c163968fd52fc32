// purpose: Give the strongest interests of users, as of a time; what behaviour shows and what is declared, added up
// param: ids LIST<STRING>
// param: as_of INTEGER, epoch ms
// param: half_life_ms FLOAT
// param: limit INTEGER, interests of one user
// returns: source STRING user, targets LIST<STRING> interests, weights LIST<FLOAT>; strongest first, only positive ones
// mode: read
UNWIND $ids AS id
MATCH (u:User {id: id})
CALL (u) {
  MATCH (u)-[r:INTERESTED_IN]->(x:Interest)
  WHERE r.source IN ['behaviour', 'declared']
  WITH x, sum(CASE r.source
    WHEN 'behaviour' THEN r.weight * 2.0 ^ ((coalesce(r.updated_at, $as_of) - $as_of) / $half_life_ms)
    ELSE r.weight
  END) AS weight
  WHERE weight > 0
  WITH x, weight ORDER BY weight DESC, x.id LIMIT $limit
  RETURN collect(x.id) AS targets, collect(weight) AS weights
}
RETURN id AS source, targets, weights
