// purpose: Give items with what they are about
// param: ids LIST<STRING>
// returns: node LIST<LIST> of property names with values, without vectors; about LIST<LIST> of id, kind, name, weight, strongest first
// mode: read
UNWIND $ids AS id
MATCH (i:Item {id: id})
RETURN [key IN keys(i) WHERE NOT key STARTS WITH 'embedding_' AND NOT key STARTS WITH 'embedded_at_' | [key, i[key]]] AS node,
  COLLECT {
    MATCH (i)-[r:ABOUT]->(x:Interest)
    RETURN [x.id, x.kind, x.name, r.weight]
    ORDER BY r.weight DESC, x.id
  } AS about
