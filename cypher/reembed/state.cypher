// purpose: Give the active embedding version and up to when what changed is in it
// returns: version STRING, until INTEGER epoch ms; no row where none is active
// mode: read
MATCH (s:State {id: 'active_version'})
MATCH (v:EmbeddingVersion {id: s.version})
RETURN v.id AS version, coalesce(v.embedded_until, 0) AS until
