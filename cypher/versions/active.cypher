// purpose: Give the active embedding version
// returns: version MAP; no row where none is active
// mode: read
MATCH (s:State {id: 'active_version'})
MATCH (v:EmbeddingVersion {id: s.version})
RETURN v {.*} AS version
