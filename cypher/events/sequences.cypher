// purpose: Read the events of every user that have an item, as columns, one row a user
// param: types LIST<STRING>
// returns: user_id STRING; at, id, item_id, type, value (0 where there is none) LIST of equal lengths, in no order; unfolded LIST<STRING> ids of those that wait for the fold
// mode: read
MATCH (u:User)
CALL (u) {
  MATCH (e:Event {user_id: u.id}) USING INDEX e:Event(user_id, at)
  WHERE e.at >= 0 AND e.item_id IS NOT NULL AND e.type IN $types
  RETURN collect(e.at) AS at, collect(e.id) AS id, collect(e.item_id) AS item_id, collect(e.type) AS type,
    collect(coalesce(e.value, 0.0)) AS value, collect(CASE WHEN e:Unfolded THEN e.id END) AS unfolded
}
WITH u, at, id, item_id, type, value, unfolded
WHERE size(id) > 0
RETURN u.id AS user_id, at, id, item_id, type, value, unfolded
