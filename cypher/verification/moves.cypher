// purpose: Count what was taken for the fold and waits for its rows
// returns: moves INTEGER
// mode: read
MATCH (m:Move)
RETURN count(m) AS moves
