// purpose: Lock all shards, so that no rows move until the transaction ends; before any other lock
// param: ids LIST<STRING> of their states, sorted
// returns: nothing
// mode: write
UNWIND $ids AS id
MERGE (h:State {id: id})
SET h.id = id
