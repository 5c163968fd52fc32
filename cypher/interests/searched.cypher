// purpose: Move the interests of users that the words of their searches name best
// param: rows LIST<MAP> of user_id, words STRING in the form of the full-text index, mass, at
// param: matches INTEGER
// param: half_life_ms FLOAT
// returns: nothing
// mode: write
UNWIND $rows AS row
MATCH (u:User {id: row.user_id})
CALL (row) {
  CALL db.index.fulltext.queryNodes('interest_name', row.words, {limit: $matches}) YIELD node, score
  WITH node, score ORDER BY score DESC, node.id LIMIT $matches
  WITH collect([node, score]) AS found
  WITH found, reduce(sum = 0.0, match IN found | sum + match[1]) AS total
  UNWIND found AS match
  RETURN match[0] AS x, match[1] / total AS part
}
WITH u, x, max(row.at) AS at, collect([row.mass * part, row.at]) AS parts
WITH u, x, at, reduce(sum = 0.0, part IN parts | sum + part[0] * 2.0 ^ ((part[1] - at) / $half_life_ms)) AS mass
OPTIONAL MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->(x)
WITH u, x, r, at, mass, CASE WHEN r.updated_at > at THEN r.updated_at ELSE at END AS latest
WITH u, x, r, latest, mass * 2.0 ^ ((at - latest) / $half_life_ms)
  + coalesce(r.mass * 2.0 ^ ((r.updated_at - latest) / $half_life_ms), 0.0) AS mass
FOREACH (_ IN CASE WHEN r IS NULL THEN [1] ELSE [] END |
  CREATE (u)-[:INTERESTED_IN {
    source: 'behaviour', mass: mass, weight: CASE WHEN mass > 0 THEN mass ELSE 0.0 END, updated_at: latest
  }]->(x)
)
FOREACH (known IN CASE WHEN r IS NULL THEN [] ELSE [r] END |
  SET known += {mass: mass, weight: CASE WHEN mass > 0 THEN mass ELSE 0.0 END, updated_at: latest}
)
