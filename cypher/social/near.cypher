// purpose: Give the strongest edges that leave users: to similar users, and to those they follow
// param: ids LIST<STRING>
// param: follows BOOLEAN, whether FOLLOWS counts
// param: limit INTEGER, edges of one user
// returns: id STRING, near LIST<LIST> of user id, edge FLOAT, kind STRING; strongest first
// mode: read
UNWIND $ids AS id
MATCH (u:User {id: id})
CALL (u) {
  MATCH (u)-[r:SIMILAR_TO]->(v:User)
  RETURN v, r.similarity AS edge, 'similar' AS kind
  UNION ALL
  MATCH (u)-[r:FOLLOWS]->(v:User)
  WHERE $follows
  WITH v, r.weight AS weight
  ORDER BY weight DESC, v.id
  LIMIT $limit
  RETURN v, weight / (1.0 + weight) AS edge, 'follows' AS kind
}
WITH id, v, edge, kind
ORDER BY id, edge DESC, v.id, kind DESC
WITH id, v, collect([edge, kind])[0] AS strongest
ORDER BY id, strongest[0] DESC, v.id
WITH id, collect([v.id, strongest[0], strongest[1]])[..$limit] AS near
RETURN id, near
