// purpose: Give users
// param: ids LIST<STRING>
// returns: node LIST<LIST> of property names with values, without vectors
// mode: read
UNWIND $ids AS id
MATCH (u:User {id: id})
RETURN [key IN keys(u) WHERE NOT key STARTS WITH 'embedding_' AND NOT key STARTS WITH 'embedded_at_' | [key, u[key]]] AS node
