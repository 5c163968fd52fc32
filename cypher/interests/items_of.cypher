// purpose: Give a page of the items about an interest
// param: id STRING
// param: after STRING, last item of the page before; empty for the first
// param: limit INTEGER
// returns: id STRING
// mode: read
MATCH (:Interest {id: $id})<-[:ABOUT]-(i:Item)
WHERE i.id > $after
RETURN i.id AS id
ORDER BY i.id
LIMIT $limit
