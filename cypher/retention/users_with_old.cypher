// purpose: Name the next users by id who have events from before a time
// param: after STRING, last id of the page before; empty for the first
// param: before INTEGER, epoch ms
// param: limit INTEGER, users looked at
// returns: ids LIST<STRING> of those who have, last STRING id of the last one looked at; null at the end
// mode: read
CALL () {
  MATCH (u:User)
  WHERE u.id > $after
  RETURN u.id AS id ORDER BY u.id LIMIT $limit
}
WITH id, EXISTS { MATCH (e:Event {user_id: id}) WHERE e.at < $before } AS old
RETURN collect(CASE WHEN old THEN id END) AS ids, max(id) AS last
