// purpose: Tell whether a user who has one of some attributes did anything after a time
// param: names LIST<STRING>
// param: since INTEGER, epoch ms
// returns: changed BOOLEAN
// mode: read
RETURN EXISTS {
  MATCH (u:User)
  WHERE u.events_at > $since AND any(name IN $names WHERE u[name] IS NOT NULL)
} AS changed
