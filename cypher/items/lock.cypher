// purpose: Lock an item so that what is read of it stays until the transaction ends
// param: id STRING
// returns: id STRING; no row where there is no such item
// mode: write
MATCH (i:Item {id: $id})
SET i.id = $id
RETURN i.id AS id
