// purpose: Keep up to when everything that changed is in a version
// param: version STRING
// param: until INTEGER, epoch ms
// returns: nothing
// mode: write
MATCH (v:EmbeddingVersion {id: $version})
SET v.embedded_until = CASE WHEN v.embedded_until > $until THEN v.embedded_until ELSE $until END
