// purpose: Delete events
// param: ids LIST<STRING>
// returns: nothing
// mode: write
UNWIND $ids AS id
MATCH (e:Event {id: id})
DETACH DELETE e
