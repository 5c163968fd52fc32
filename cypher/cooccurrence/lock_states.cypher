// purpose: Lock states by their ids until the transaction ends
// param: ids LIST<STRING>, sorted
// returns: nothing
// mode: write
UNWIND $ids AS id
MERGE (h:State {id: id})
SET h.id = id
