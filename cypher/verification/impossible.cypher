// purpose: Find relationships that cannot be: of an item with itself, negative, without their numbers or wrongly marked as wider
// param: limit INTEGER
// returns: kind STRING, found STRING, example STRING; at most so many of each kind
// mode: read
CALL () {
  MATCH (i:Item)-[r:CO_OCCURS]->(j:Item)
  WHERE i = j
  RETURN 'CO_OCCURS with itself' AS kind, i.id AS found, j.id AS example LIMIT $limit
  UNION ALL
  MATCH (i:Item)-[r:CO_OCCURS]->(j:Item)
  WHERE r.count IS NULL OR r.count <= 0 OR r.weight IS NULL OR NOT r.weight >= 0 OR r.updated_at IS NULL
  RETURN 'CO_OCCURS impossible' AS kind, i.id AS found, j.id AS example LIMIT $limit
  UNION ALL
  MATCH (i:Item)-[r:ABOUT]->(x:Interest)
  WHERE r.weight IS NULL OR NOT (r.weight > 0 AND r.weight <= 1.0000001)
  RETURN 'ABOUT impossible' AS kind, i.id AS found, x.id AS example LIMIT $limit
  UNION ALL
  MATCH (i:Item)
  CALL (i) {
    OPTIONAL MATCH (i)-[:ABOUT]->(:Interest)-[:PART_OF*1..8]->(y:Interest)
    RETURN collect(DISTINCT y) AS above
  }
  MATCH (i)-[r:ABOUT]->(x:Interest)
  WHERE (x IN above) <> (r.wider IS NOT NULL)
  RETURN 'ABOUT marked otherwise than PART_OF says' AS kind, i.id AS found, x.id AS example LIMIT $limit
  UNION ALL
  MATCH (u:User)-[r:INTERESTED_IN]->(x)
  WHERE r.weight IS NULL OR NOT r.weight >= 0
  RETURN 'INTERESTED_IN impossible' AS kind, u.id AS found, x.id AS example LIMIT $limit
  UNION ALL
  MATCH (u:User)-[r:FOLLOWS]->(v)
  WHERE u = v
  RETURN 'FOLLOWS with itself' AS kind, u.id AS found, v.id AS example LIMIT $limit
}
RETURN kind, found, example
