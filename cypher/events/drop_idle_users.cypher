// purpose: Delete users that were made for events which were all refused
// param: users LIST<STRING>, sorted; locked by this transaction
// param: now INTEGER, epoch ms, when they were made
// returns: nothing
// mode: write
UNWIND $users AS id
MATCH (u:User {id: id})
WHERE u.created_at = $now AND size(keys(u)) = 2 AND NOT EXISTS { (u)--() }
DELETE u
