// purpose: Lock the users of a batch, making those that are new, and tell who has no behaviour yet, where the items are, which interests events on them move and which events are stored
// param: users LIST<STRING>, sorted
// param: items LIST<STRING>
// param: events LIST<STRING>
// param: with_about BOOLEAN, whether to tell which interests events on the items move
// param: now INTEGER, epoch ms
// returns: fresh LIST<STRING> users, found LIST<LIST> of item id, its node and LIST<LIST> of node of an interest and weight, stored LIST<MAP> of events with id, type, user_id, item_id, followed_id, at, at_given, value, query, recommendation_id, context, digest
// mode: write
CALL () {
  UNWIND $users AS id
  MERGE (u:User {id: id})
    ON CREATE SET u.created_at = $now
  // Writing a property takes the lock, also where the value stays: everything of one user is serial from here on.
  SET u.id = id
  RETURN count(u) AS users
}
CALL (users) {
  UNWIND $users AS id
  MATCH (u:User {id: id})
  WHERE u.events_at IS NULL
  RETURN collect(id) AS fresh
}
CALL (users) {
  UNWIND $items AS name
  MATCH (i:Item {id: name})
  RETURN collect([
    name, id(i), CASE WHEN $with_about THEN [(i)-[about:ABOUT]->(x:Interest) WHERE about.wider IS NULL | [id(x), about.weight]] ELSE [] END
  ]) AS found
}
CALL (users) {
  UNWIND $events AS id
  MATCH (e:Event {id: id})
  RETURN collect(e {
    .id, .type, .user_id, .item_id, .followed_id, .at, .at_given, .value, .query, .recommendation_id, .context, .digest
  }) AS stored
}
RETURN fresh, found, stored
