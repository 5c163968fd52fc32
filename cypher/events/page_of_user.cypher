// purpose: Give a page of a user's events, newest first, by the index of user and time
// param: user_id STRING
// param: before_at INTEGER epoch ms of the last event of the page before; above every time for the first page
// param: before_id STRING id of that event; empty for the first page
// param: limit INTEGER
// returns: id STRING, type STRING, item_id STRING or null, at INTEGER epoch ms, value FLOAT or null, query STRING or null, recommendation_id STRING or null, received_at INTEGER epoch ms
// mode: read
MATCH (event:Event {user_id: $user_id})
WHERE event.at <= $before_at AND (event.at < $before_at OR event.id < $before_id)
RETURN event.id AS id, event.type AS type, event.item_id AS item_id, event.at AS at, event.value AS value,
       event.query AS query, event.recommendation_id AS recommendation_id, event.received_at AS received_at
ORDER BY event.at DESC, event.id DESC
LIMIT $limit
