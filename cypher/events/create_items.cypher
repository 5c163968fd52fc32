// purpose: Make the items that events name before they are imported
// param: items LIST<STRING>, sorted
// param: now INTEGER, epoch ms
// returns: id STRING, node INTEGER
// mode: write
UNWIND $items AS name
MERGE (i:Item {id: name})
  ON CREATE SET i.created_at = $now, i.available = true
RETURN name AS id, id(i) AS node
