// purpose: Make the items that events name before they are imported
// param: items LIST<STRING>, sorted
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
UNWIND $items AS id
MERGE (i:Item {id: id})
  ON CREATE SET i.created_at = $now, i.available = true
