// purpose: Tell which events are there and do not wait for the fold
// param: events LIST<STRING>
// returns: ids LIST<STRING>
// mode: read
UNWIND $events AS id
MATCH (e:Event {id: id})
WHERE NOT e:Unfolded
RETURN collect(id) AS ids
