// purpose: Replace who is similar to some users, and where wanted keep the relationships of others to them right
// param: run STRING, the run that these are of
// param: version STRING
// param: rows LIST<MAP> of id, similar LIST<LIST> of user id and cosine; sorted by id
// param: threshold FLOAT
// param: limit INTEGER, relationships of one user
// param: at INTEGER, epoch ms
// param: both_ways BOOLEAN
// returns: written INTEGER; no row where another run has begun
// mode: write
MATCH (s:State {id: 'similar_users'})
SET s.id = 'similar_users'
WITH s WHERE s.run = $run
CALL () {
  UNWIND $rows AS row
  MATCH (u:User {id: row.id})
  CALL (u, row) {
    MATCH (u)-[old:SIMILAR_TO]->(v:User)
    WHERE NOT v.id IN [pair IN row.similar | pair[0]]
    DELETE old
  }
  CALL (u, row) {
    UNWIND row.similar AS pair
    MATCH (v:User {id: pair[0]})
    MERGE (u)-[r:SIMILAR_TO]->(v)
    SET r.similarity = pair[1], r.version = $version, r.updated_at = $at
    RETURN count(r) AS written
  }
  CALL (u) {
    WITH u WHERE $both_ways
    MATCH (u)<-[r:SIMILAR_TO]-(v:User)
    WITH u, r, v, CASE WHEN u.<<embedding>> IS NULL OR v.<<embedding>> IS NULL THEN -1.0
      ELSE 2.0 * vector.similarity.cosine(u.<<embedding>>, v.<<embedding>>) - 1.0 END AS cosine
    FOREACH (_ IN CASE WHEN cosine < $threshold THEN [1] ELSE [] END | DELETE r)
    FOREACH (_ IN CASE WHEN cosine < $threshold THEN [] ELSE [1] END |
      SET r.similarity = cosine, r.version = $version, r.updated_at = $at)
  }
  CALL (u, row) {
    WITH u, row WHERE $both_ways
    UNWIND row.similar AS pair
    MATCH (v:User {id: pair[0]})
    MERGE (v)-[r:SIMILAR_TO]->(u)
    SET r.similarity = pair[1], r.version = $version, r.updated_at = $at
    WITH DISTINCT v
    CALL (v) {
      MATCH (v)-[r:SIMILAR_TO]->(other:User)
      WITH r ORDER BY r.similarity DESC, other.id SKIP $limit
      DELETE r
    }
  }
  RETURN sum(written) AS written
}
RETURN written
