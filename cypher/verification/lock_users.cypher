// purpose: Lock users, so that what is read of them stays until the transaction ends
// param: ids LIST<STRING>, sorted
// returns: users INTEGER
// mode: write
UNWIND $ids AS id
MATCH (u:User {id: id})
SET u.id = id
RETURN count(u) AS users
