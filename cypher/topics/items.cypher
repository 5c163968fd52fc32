// purpose: Give every item with its texts and the topic it was found to have
// returns: id STRING, title STRING, description STRING, topic STRING or null; by id
// mode: read
MATCH (i:Item)
RETURN i.id AS id, i.title AS title, i.description AS description,
  COLLECT { MATCH (i)-[r:ABOUT {source: 'clusters'}]->(x:Interest) RETURN x.id ORDER BY x.id LIMIT 1 }[0] AS topic
ORDER BY id
