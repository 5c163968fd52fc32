// purpose: Remember that a migration was applied
// param: number INTEGER
// param: name STRING
// param: sha256 STRING
// param: applied_at INTEGER epoch ms
// returns: nothing
// mode: write
MERGE (m:Migration {number: $number})
SET m.name = $name, m.sha256 = $sha256, m.applied_at = $applied_at
