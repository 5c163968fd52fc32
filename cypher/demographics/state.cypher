// purpose: Tell when groups of users were last counted, and by which attributes
// returns: began_at INTEGER or null, names LIST<STRING> or null
// mode: read
OPTIONAL MATCH (s:State {id: 'demographics'})
RETURN s.began_at AS began_at, s.names AS names
