// purpose: Lock a user so that what is read of it stays until the transaction ends
// param: id STRING
// returns: id STRING; no row where there is no such user
// mode: write
MATCH (u:User {id: $id})
SET u.id = $id
RETURN u.id AS id
