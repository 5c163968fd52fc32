// purpose: Wait until every index is online
// param: seconds INTEGER
// returns: nothing
// mode: read
CALL db.awaitIndexes($seconds)
