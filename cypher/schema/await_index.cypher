// purpose: Wait until an index is online
// param: name STRING
// param: seconds INTEGER
// returns: nothing
// mode: read
CALL db.awaitIndex($name, $seconds)
