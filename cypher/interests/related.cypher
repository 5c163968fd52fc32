// purpose: Give the interests most related to one
// param: id STRING
// param: limit INTEGER
// returns: related LIST<LIST> of id, kind, name, source, weight, by_users, by_items, users, items; no row where there is no such interest
// mode: read
MATCH (x:Interest {id: $id})
RETURN COLLECT {
  MATCH (x)-[r:RELATED_TO]->(y:Interest)
  RETURN [y.id, y.kind, y.name, r.source, r.weight, r.by_users, r.by_items, r.users, r.items]
  ORDER BY r.weight DESC, y.id
  LIMIT $limit
} AS related
