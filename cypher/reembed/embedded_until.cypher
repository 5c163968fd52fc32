// purpose: Keep up to when everything that changed is in a version, and what the edges go by that it is served with
// param: version STRING
// param: until INTEGER, epoch ms
// param: basis STRING or null, what its RESEMBLES edges go by
// returns: nothing
// mode: write
MATCH (v:EmbeddingVersion {id: $version})
SET v.embedded_until = CASE WHEN v.embedded_until > $until THEN v.embedded_until ELSE $until END,
  v.resemblance = $basis
