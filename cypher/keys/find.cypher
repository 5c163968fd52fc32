// purpose: Give one API key with its SHA-256
// param: id STRING public part of the key
// returns: id STRING, name STRING, digest STRING, scopes LIST<STRING>, created_at INTEGER epoch ms, expires_at INTEGER epoch ms or null, revoked_at INTEGER epoch ms or null
// mode: read
MATCH (key:ApiKey {id: $id})
RETURN key.id AS id, key.name AS name, key.digest AS digest, key.scopes AS scopes, key.created_at AS created_at,
       key.expires_at AS expires_at, key.revoked_at AS revoked_at
