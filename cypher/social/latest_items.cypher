// purpose: Give the latest events of users on items
// param: ids LIST<STRING>
// param: types LIST<STRING>
// param: limit INTEGER, events of one user
// returns: id STRING, events LIST<LIST> of item id, type, at, value; newest first
// mode: read
UNWIND $ids AS id
CALL (id) {
  MATCH (e:Event {user_id: id}) USING INDEX e:Event(user_id, at)
  WHERE e.at >= 0 AND e.item_id IS NOT NULL AND e.type IN $types
  WITH e ORDER BY e.user_id DESC, e.at DESC, e.id DESC LIMIT $limit
  RETURN collect([e.item_id, e.type, e.at, e.value]) AS events
}
RETURN id, events
