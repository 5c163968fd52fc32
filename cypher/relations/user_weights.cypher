// purpose: Give the strongest interests of every user, the wider ones too, with what each is worth at a time
// param: at INTEGER, epoch ms
// param: half_life_ms FLOAT
// param: most INTEGER, interests of one user
// returns: interests LIST<STRING>, weights LIST<FLOAT>; users without any are left out
// mode: read
MATCH (u:User)
CALL (u) {
  MATCH (u)-[r:INTERESTED_IN]->(x:Interest)
  WHERE r.source <> 'model' AND r.weight > 0
  WITH x, r.source AS source, CASE r.source
    WHEN 'behaviour' THEN
      r.weight * 2.0 ^ ((r.updated_at - CASE WHEN r.updated_at > $at THEN r.updated_at ELSE $at END) / $half_life_ms)
    ELSE r.weight
  END AS value
  MATCH path = (x)-[:PART_OF*0..8]->(y:Interest)
  WHERE x = y OR source = 'behaviour'
  WITH x, y, source, value, max(reduce(part = 1.0, step IN relationships(path) | part * coalesce(step.weight, 1.0))) AS part
  WITH y, sum(value * part) AS weight
  ORDER BY weight DESC, y.id
  LIMIT $most
  RETURN collect(y.id) AS interests, collect(weight) AS weights
}
WITH interests, weights
WHERE size(interests) > 0
RETURN interests, weights
