// purpose: Give the active version with the stamp of its vectors, and what similar users were last made of
// returns: version STRING or null, vectors_at INTEGER, made_version STRING or null, made_until INTEGER, made_options STRING or null
// mode: read
OPTIONAL MATCH (a:State {id: 'active_version'})
OPTIONAL MATCH (v:EmbeddingVersion {id: a.version})
OPTIONAL MATCH (s:State {id: 'similar_users'})
RETURN v.id AS version, v.vectors_at AS vectors_at, s.version AS made_version, s.until AS made_until,
  s.options AS made_options
