// purpose: Give the users whose vectors are nearest to those of some, by the index and the SEARCH clause
// param: ids LIST<STRING>
// param: limit INTEGER, users for each
// returns: id STRING, near LIST<LIST> of user id and score, cosine mapped to 0 to 1; best first
// mode: read
// capability: search_clause
CYPHER 25
UNWIND $ids AS id
MATCH (u:User {id: id})
WHERE u.<<embedding>> IS NOT NULL
CALL (u) {
  MATCH (v:User)
  SEARCH v IN (VECTOR INDEX <<index>> FOR u.<<embedding>> LIMIT $limit) SCORE AS score
  WITH v, score ORDER BY score DESC, v.id
  RETURN collect([v.id, score]) AS near
}
RETURN id, near
