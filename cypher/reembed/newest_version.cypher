// purpose: Give when the newest embedding version was made, and the time of the server
// returns: created_at INTEGER epoch ms or null, now INTEGER epoch ms
// mode: read
OPTIONAL MATCH (v:EmbeddingVersion)
RETURN max(v.created_at) AS created_at, timestamp() AS now
