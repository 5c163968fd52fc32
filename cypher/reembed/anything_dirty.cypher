// purpose: Tell whether anything waits to be embedded again, or items are joined on another basis than the version is served with
// param: version STRING, the active one
// param: until INTEGER, epoch ms, up to when everything is embedded
// returns: dirty BOOLEAN
// mode: read
RETURN EXISTS { MATCH (u:User) WHERE u.events_at > $until }
  OR EXISTS { MATCH (i:Item) WHERE i.updated_at > $until OR i.<<embedding>> IS NULL }
  OR EXISTS {
    MATCH (v:EmbeddingVersion {id: $version})
    WHERE v.resemblance IS NOT NULL
      AND NOT EXISTS { MATCH (s:State {id: 'resemblance'}) WHERE s.basis = v.resemblance }
  } AS dirty
