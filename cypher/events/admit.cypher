// purpose: Lock the users of a batch, making those that are new, and tell who has no behaviour yet, which items are missing, what the others are about and which events are stored
// param: users LIST<STRING>, sorted
// param: items LIST<STRING>
// param: events LIST<STRING>
// param: with_about BOOLEAN, whether to tell what items are about
// param: now INTEGER, epoch ms
// returns: fresh LIST<STRING> users, missing LIST<STRING>, about LIST<LIST> of item id and LIST<LIST> of interest id and weight, stored LIST<LIST> of id STRING and digest INTEGER
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
  UNWIND $items AS id
  OPTIONAL MATCH (i:Item {id: id})
  WITH id, i,
    CASE WHEN $with_about THEN [(i)-[about:ABOUT]->(x:Interest) | [x.id, about.weight]] ELSE [] END AS pairs
  RETURN collect(CASE WHEN i IS NULL THEN id END) AS missing, collect(CASE WHEN pairs <> [] THEN [id, pairs] END) AS about
}
CALL (users) {
  UNWIND $events AS id
  MATCH (e:Event {id: id})
  RETURN collect([e.id, e.digest]) AS stored
}
RETURN fresh, missing, about, stored
