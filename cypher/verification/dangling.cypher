// purpose: Find events whose user or item is not in the graph
// param: limit INTEGER
// returns: kind STRING, found STRING, events INTEGER; at most so many of each kind
// mode: read
CALL () {
  MATCH (e:Event)
  WITH e.user_id AS id, count(e) AS events
  WHERE NOT EXISTS { MATCH (:User {id: id}) }
  RETURN 'event without its user' AS kind, id, events LIMIT $limit
  UNION ALL
  MATCH (e:Event)
  WHERE e.item_id IS NOT NULL
  WITH e.item_id AS id, count(e) AS events
  WHERE NOT EXISTS { MATCH (:Item {id: id}) }
  RETURN 'event without its item' AS kind, id, events LIMIT $limit
}
RETURN kind, id AS found, events
