// purpose: Make an embedding version, in the state building; one that is there stays as it is
// param: id STRING
// param: dim INTEGER
// param: model STRING
// param: metrics STRING, JSON
// param: at INTEGER, epoch ms
// returns: version MAP, created BOOLEAN
// mode: write
MERGE (v:EmbeddingVersion {id: $id})
SET v.id = $id
WITH v, v.state IS NULL AS created
FOREACH (_ IN CASE WHEN created THEN [1] ELSE [] END |
  SET v += {state: 'building', dim: $dim, model: $model, metrics: $metrics, created_at: $at, vectors_at: 0}
)
RETURN v {.*} AS version, created
