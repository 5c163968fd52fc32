// purpose: List users with behaviour that their vector does not have
// param: until INTEGER, epoch ms, up to when everything is embedded
// returns: id STRING
// mode: read
MATCH (u:User)
WHERE u.events_at > $until
RETURN u.id AS id
ORDER BY id
