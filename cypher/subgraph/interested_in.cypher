// purpose: Give the strongest interests of users, as of a time; what behaviour shows, for the wider ones too, and what is declared, added up
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
  WITH x, r.source AS source, CASE r.source
    WHEN 'behaviour' THEN r.weight * 2.0 ^ ((coalesce(r.updated_at, $as_of) - $as_of) / $half_life_ms)
    ELSE r.weight
  END AS value
  WHERE value > 0
  MATCH path = (x)-[:PART_OF*0..8]->(y:Interest)
  WHERE x = y OR source = 'behaviour'
  WITH x, y, source, value, max(reduce(part = 1.0, step IN relationships(path) | part * coalesce(step.weight, 1.0))) AS part
  WITH y, sum(value * part) AS weight
  WITH y, weight ORDER BY weight DESC, y.id LIMIT $limit
  RETURN collect(y.id) AS targets, collect(weight) AS weights
}
RETURN id AS source, targets, weights
