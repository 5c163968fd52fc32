// purpose: List items that changed since their vector was made or have none
// param: until INTEGER, epoch ms, up to when everything is embedded
// returns: id STRING
// mode: read
MATCH (i:Item)
WHERE i.updated_at > $until OR i.<<embedding>> IS NULL
RETURN i.id AS id
ORDER BY id
