// purpose: Tell how far the edges are behind: events that wait for the fold, and since when, and moves that it has not settled
// returns: state STRING, events INTEGER, since INTEGER, epoch ms at which the oldest of them came in, or null, moves INTEGER
// mode: read
OPTIONAL MATCH (c:State {id: 'co_occurrence'})
CALL () {
  MATCH (e:Unfolded)
  RETURN count(e) AS events
}
CALL () {
  MATCH (m:Move)
  RETURN count(m) AS moves
}
CALL () {
  // They stand in the order in which they were made, but for places that were free again: among a hundred is the oldest.
  MATCH (e:Unfolded)
  WITH e LIMIT 100
  RETURN min(e.received_at) AS since
}
RETURN coalesce(c.state, 'live') AS state, events, since, moves
