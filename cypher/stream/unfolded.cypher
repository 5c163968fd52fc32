// purpose: Count the events that wait for the fold
// returns: events INTEGER
// mode: read
MATCH (e:Unfolded)
RETURN count(e) AS events
