// purpose: Give every item with its texts, the files it names and what it is about
// returns: id STRING, title STRING, description STRING, image and audio of any kind, about LIST<LIST> of interest id and weight
// mode: read
MATCH (i:Item)
RETURN i.id AS id, i.title AS title, i.description AS description,
  i.image AS image, i.audio AS audio,
  COLLECT { MATCH (i)-[r:ABOUT]->(x:Interest) RETURN [x.id, r.weight] } AS about
ORDER BY i.id
