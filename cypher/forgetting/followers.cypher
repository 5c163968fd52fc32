// purpose: Delete the follow events of a few of a user's followers that name the user, and their FOLLOWS
// param: id STRING
// param: limit INTEGER, followers
// returns: followers INTEGER, events INTEGER
// mode: write
CALL () {
  MATCH (:User {id: $id})<-[:FOLLOWS]-(v:User)
  WITH v ORDER BY v.id LIMIT $limit
  RETURN collect(v) AS followers
}
CALL (followers) {
  UNWIND followers AS v
  SET v.id = v.id
  WITH v
  OPTIONAL MATCH (e:Event {user_id: v.id})
  WHERE e.at >= 0 AND e.followed_id = $id
  WITH collect(e) AS events
  FOREACH (gone IN events | DETACH DELETE gone)
  RETURN size(events) AS events
}
CALL (followers) {
  UNWIND followers AS v
  MATCH (v)-[r:FOLLOWS]->(:User {id: $id})
  DELETE r
}
RETURN size(followers) AS followers, events
