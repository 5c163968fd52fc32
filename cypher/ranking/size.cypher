// purpose: Count the items; the server has the number at hand
// returns: items INTEGER
// mode: read
MATCH (i:Item)
RETURN count(i) AS items
