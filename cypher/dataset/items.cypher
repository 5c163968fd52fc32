// purpose: Give every item with its texts and what it is about
// returns: id STRING, title STRING, description STRING, about LIST<LIST> of interest id and weight
// mode: read
MATCH (i:Item)
RETURN i.id AS id, i.title AS title, i.description AS description,
  COLLECT { MATCH (i)-[r:ABOUT]->(x:Interest) RETURN [x.id, r.weight] } AS about
ORDER BY i.id
