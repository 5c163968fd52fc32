// purpose: Give the latest steps of users, newest first
// param: ids LIST<STRING>
// param: types LIST<STRING>, the types that are steps
// param: limit INTEGER, steps of one user
// returns: id STRING, items LIST<STRING>, types LIST<STRING>, at LIST<INTEGER> epoch ms; users without a step are left out
// mode: read
UNWIND $ids AS id
CALL (id) {
  // Ordered by user too, though there is one: then the index gives the order and only the newest are read.
  MATCH (e:Event {user_id: id}) USING INDEX e:Event(user_id, at)
  WHERE e.at >= 0 AND e.item_id IS NOT NULL AND e.type IN $types
  WITH e ORDER BY e.user_id DESC, e.at DESC, e.id DESC LIMIT $limit
  RETURN collect(e.item_id) AS items, collect(e.type) AS types, collect(e.at) AS at
}
WITH id, items, types, at WHERE size(items) > 0
RETURN id, items, types, at
