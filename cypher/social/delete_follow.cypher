// purpose: End that one user follows another
// param: source STRING
// param: target STRING
// returns: deleted INTEGER
// mode: write
MATCH (:User {id: $source})-[r:FOLLOWS]->(:User {id: $target})
DELETE r
RETURN count(r) AS deleted
