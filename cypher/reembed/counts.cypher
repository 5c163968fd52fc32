// purpose: Count the nodes that carry vectors
// returns: items INTEGER, interests INTEGER, users INTEGER
// mode: read
RETURN COUNT { (:Item) } AS items, COUNT { (:Interest) } AS interests, COUNT { (:User) } AS users
