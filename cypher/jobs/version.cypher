// purpose: Give the embedding version named, else the active one, else the newest one
// param: version STRING or null
// returns: version STRING, state STRING
// mode: read
OPTIONAL MATCH (s:State {id: 'active_version'})
WITH s.version AS active
MATCH (v:EmbeddingVersion)
WHERE ($version IS NOT NULL AND v.id = $version)
  OR ($version IS NULL AND (active IS NULL OR v.id = active) AND v.state <> 'retired')
RETURN v.id AS version, v.state AS state
ORDER BY v.id DESC
LIMIT 1
