// purpose: Make an API key useless; the first time counts
// param: id STRING public part of the key
// param: at INTEGER epoch ms
// returns: id STRING, name STRING, scopes LIST<STRING>, created_at INTEGER, expires_at INTEGER, revoked_at INTEGER
// mode: write
MATCH (key:ApiKey {id: $id})
SET key.revoked_at = coalesce(key.revoked_at, $at)
RETURN key.id AS id, key.name AS name, key.scopes AS scopes, key.created_at AS created_at,
       key.expires_at AS expires_at, key.revoked_at AS revoked_at
