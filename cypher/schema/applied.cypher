// purpose: Give the applied migrations
// returns: number INTEGER, sha256 STRING
// mode: read
MATCH (m:Migration)
RETURN m.number AS number, m.sha256 AS sha256
ORDER BY number
