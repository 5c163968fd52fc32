// purpose: Give an embedding version
// param: id STRING
// returns: version MAP
// mode: read
MATCH (v:EmbeddingVersion {id: $id})
RETURN v {.*} AS version
