// purpose: Give every API key, oldest first, without its SHA-256
// returns: id STRING, name STRING, scopes LIST<STRING>, created_at INTEGER epoch ms, expires_at INTEGER epoch ms or null, revoked_at INTEGER epoch ms or null
// mode: read
MATCH (key:ApiKey)
RETURN key.id AS id, key.name AS name, key.scopes AS scopes, key.created_at AS created_at,
       key.expires_at AS expires_at, key.revoked_at AS revoked_at
ORDER BY key.created_at, key.id
