// purpose: Give the embedding versions, newest first
// param: limit INTEGER
// returns: version MAP, active BOOLEAN
// mode: read
OPTIONAL MATCH (s:State {id: 'active_version'})
WITH s.version AS active
MATCH (v:EmbeddingVersion)
RETURN v {.*} AS version, coalesce(v.id = active, false) AS active
ORDER BY v.id DESC
LIMIT $limit
