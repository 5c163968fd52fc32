// purpose: Keep a new API key, by its SHA-256
// param: id STRING public part of the key
// param: name STRING whom it is for
// param: digest STRING hex digits of the SHA-256 of the whole key
// param: scopes LIST<STRING> read, write, admin
// param: created_at INTEGER epoch ms
// param: expires_at INTEGER epoch ms, or null
// returns: id STRING, name STRING, scopes LIST<STRING>, created_at INTEGER, expires_at INTEGER, revoked_at INTEGER
// mode: write
CREATE (key:ApiKey {id: $id})
SET key.name = $name, key.digest = $digest, key.scopes = $scopes, key.created_at = $created_at,
    key.expires_at = $expires_at
RETURN key.id AS id, key.name AS name, key.scopes AS scopes, key.created_at AS created_at,
       key.expires_at AS expires_at, key.revoked_at AS revoked_at
