// purpose: Give a page of users who have one of some attributes, with the items that they took last
// param: names LIST<STRING>
// param: after STRING, id of the last user before
// param: limit INTEGER, users
// param: types LIST<STRING>, types of events that say that something was taken
// param: since INTEGER, epoch ms; what lies before counts nothing
// param: most INTEGER, items of one user
// returns: id STRING, attributes LIST<LIST> of name and value, items LIST<STRING>, times LIST<INTEGER> epoch ms; by id
// mode: read
MATCH (u:User)
WHERE u.id > $after AND any(name IN $names WHERE u[name] IS NOT NULL)
WITH u ORDER BY u.id LIMIT $limit
CALL (u) {
  MATCH (u)-[r:INTERACTED]->(i:Item)
  WHERE r.event IN $types AND r.weight > 0 AND r.last_at > $since
  WITH i.id AS item, max(r.last_at) AS at
  ORDER BY at DESC, item LIMIT $most
  RETURN collect(item) AS items, collect(at) AS times
}
RETURN u.id AS id, [name IN $names WHERE u[name] IS NOT NULL | [name, u[name]]] AS attributes, items, times
ORDER BY id
