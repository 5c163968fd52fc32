// purpose: List every item with the time of its last change
// returns: id STRING, updated_at INTEGER epoch ms or null
// mode: read
MATCH (i:Item)
RETURN i.id AS id, i.updated_at AS updated_at
