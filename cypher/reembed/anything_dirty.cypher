// purpose: Tell whether anything waits to be embedded again
// param: until INTEGER, epoch ms, up to when everything is embedded
// returns: dirty BOOLEAN
// mode: read
RETURN EXISTS { MATCH (u:User) WHERE u.events_at > $until }
  OR EXISTS { MATCH (i:Item) WHERE i.updated_at > $until OR i.<<embedding>> IS NULL } AS dirty
