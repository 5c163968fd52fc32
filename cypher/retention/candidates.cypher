// purpose: Give a user's oldest events that may go: before a time, folded, and no step that one after that time may pair with
// param: user_id STRING
// param: before INTEGER, epoch ms, for all but the next
// param: light_before INTEGER, epoch ms, for types without a weight
// param: light LIST<STRING>, those types
// param: steps LIST<STRING>, types that are steps of the sequence
// param: window INTEGER
// param: limit INTEGER
// returns: events LIST<MAP> of id, user_id, item_id, type, at, value, query, followed_id, received_at, interests, parts, unfolded
// mode: read
CALL () {
  // The last steps before the time pair with the first ones after it, where there are any.
  WITH CASE WHEN EXISTS {
    MATCH (e:Event {user_id: $user_id})
    WHERE e.at >= $before AND e.type IN $steps AND e.item_id IS NOT NULL
  } THEN $window ELSE 0 END AS kept
  CALL (kept) {
    MATCH (e:Event {user_id: $user_id}) USING INDEX e:Event(user_id, at)
    WHERE e.at >= 0 AND e.at < $before AND e.type IN $steps AND e.item_id IS NOT NULL
    WITH e ORDER BY e.user_id DESC, e.at DESC, e.id DESC LIMIT $window
    RETURN collect(e.id) AS last
  }
  RETURN last[..kept] AS last
}
CALL (last) {
  MATCH (e:Event {user_id: $user_id}) USING INDEX e:Event(user_id, at)
  WHERE e.at >= 0 AND (e.at < $before OR e.at < $light_before) AND NOT e:Unfolded AND NOT e.id IN last
    AND (e.at < $before AND NOT e.type IN $light OR e.at < $light_before AND e.type IN $light)
  WITH e ORDER BY e.user_id, e.at, e.id LIMIT $limit
  RETURN collect(e {
    .id, .user_id, .item_id, .type, .at, .value, .query, .followed_id, .received_at, .interests, .parts, unfolded: false
  }) AS events
}
RETURN events
