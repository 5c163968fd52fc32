// purpose: Take the attention and the learnt weight of a retired version from the relationships of a stretch of items, by id
// param: version STRING
// param: after STRING, last id of the stretch before; empty for the first
// param: limit INTEGER
// returns: last STRING, seen INTEGER, dropped INTEGER; last is null at the end
// mode: write
MATCH (v:EmbeddingVersion {id: $version})
SET v.id = $version
WITH v WHERE v.state = 'retired'
MATCH (i:Item)
WHERE i.id > $after
WITH i ORDER BY i.id LIMIT $limit
CALL (i) {
  MATCH (i)-[r:CO_OCCURS|ABOUT]->()
  WHERE r.<<attention>> IS NOT NULL OR r.<<learned>> IS NOT NULL
  REMOVE r.<<attention>>, r.<<learned>>
  RETURN count(r) AS dropped
}
RETURN max(i.id) AS last, count(i) AS seen, sum(dropped) AS dropped
