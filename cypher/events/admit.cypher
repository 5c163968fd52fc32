// purpose: Lock the users of a batch, making those that are new, and tell which items are missing and which events are stored
// param: users LIST<STRING>, sorted
// param: items LIST<STRING>
// param: events LIST<STRING>
// param: now INTEGER, epoch ms
// returns: missing LIST<STRING>, stored LIST<LIST> of id STRING and digest INTEGER
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
  UNWIND $items AS id
  OPTIONAL MATCH (i:Item {id: id})
  WITH id, i WHERE i IS NULL
  RETURN collect(id) AS missing
}
CALL (users) {
  UNWIND $events AS id
  MATCH (e:Event {id: id})
  RETURN collect([e.id, e.digest]) AS stored
}
RETURN missing, stored
