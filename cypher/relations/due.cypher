// purpose: Tell when interests were last related and whether anything changed since
// returns: began_at INTEGER or null, finished_at INTEGER or null, changed BOOLEAN
// mode: read
OPTIONAL MATCH (s:State {id: 'relations'})
WITH s.began_at AS began_at, s.finished_at AS finished_at
RETURN began_at, finished_at,
  EXISTS { MATCH (u:User) WHERE u.events_at > coalesce(began_at, 0) }
  OR EXISTS { MATCH (i:Item) WHERE i.updated_at > coalesce(began_at, 0) } AS changed
