// purpose: Take the vectors of a retired version from a stretch of nodes, by id
// param: version STRING
// param: after STRING, last id of the stretch before; empty for the first
// param: limit INTEGER
// returns: last STRING, seen INTEGER, dropped INTEGER; last is null at the end
// mode: write
MATCH (v:EmbeddingVersion {id: $version})
SET v.id = $version
WITH v WHERE v.state = 'retired'
MATCH (n:<<label>>)
WHERE n.id > $after
WITH n ORDER BY n.id LIMIT $limit
WITH n, n.<<embedding>> IS NOT NULL AS had
FOREACH (_ IN CASE WHEN had THEN [1] ELSE [] END | REMOVE n.<<embedding>>, n.<<embedded_at>>)
RETURN max(n.id) AS last, count(n) AS seen, sum(CASE WHEN had THEN 1 ELSE 0 END) AS dropped
