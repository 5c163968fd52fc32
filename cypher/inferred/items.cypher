// purpose: Give every item with its texts, the files it names, what it is about, and how many counted edges reach it
// returns: id STRING, title STRING, description STRING, image and audio of any kind, about LIST<LIST> of interest id and weight, reached INTEGER
// mode: read
MATCH (i:Item)
RETURN i.id AS id, i.title AS title, i.description AS description,
  i.image AS image, i.audio AS audio,
  COLLECT { MATCH (i)-[r:ABOUT]->(x:Interest) RETURN [x.id, r.weight] } AS about,
  COUNT { (:Item)-[:CO_OCCURS]->(i) } AS reached
ORDER BY i.id
