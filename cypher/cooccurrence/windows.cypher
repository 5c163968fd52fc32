// purpose: Read the folded steps of users around and between two times
// param: windows LIST<MAP> of user_id, first_at, last_at
// param: types LIST<STRING>
// param: window INTEGER
// returns: number INTEGER place in the list, steps LIST<LIST> of at, id, item_id
// mode: read
// Ordered by user too, though it is one: then the index gives the order and only the nearest are read.
UNWIND range(0, size($windows) - 1) AS number
WITH number, $windows[number] AS w
CALL (w) {
  CALL (w) {
    MATCH (e:Event {user_id: w.user_id}) USING INDEX e:Event(user_id, at)
    WHERE e.at < w.first_at AND e.item_id IS NOT NULL AND e.type IN $types AND NOT e:Unfolded
    WITH e ORDER BY e.user_id DESC, e.at DESC, e.id DESC LIMIT $window
    RETURN e
    UNION ALL
    MATCH (e:Event {user_id: w.user_id}) USING INDEX e:Event(user_id, at)
    WHERE e.at >= w.first_at AND e.at <= w.last_at
      AND e.item_id IS NOT NULL AND e.type IN $types AND NOT e:Unfolded
    RETURN e
    UNION ALL
    MATCH (e:Event {user_id: w.user_id}) USING INDEX e:Event(user_id, at)
    WHERE e.at > w.last_at AND e.item_id IS NOT NULL AND e.type IN $types AND NOT e:Unfolded
    WITH e ORDER BY e.user_id, e.at, e.id LIMIT $window
    RETURN e
  }
  RETURN collect([e.at, e.id, e.item_id]) AS steps
}
RETURN number, steps
