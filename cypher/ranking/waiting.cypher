// purpose: Tell how far the edges are behind: events that wait for the fold, and since when
// returns: state STRING, events INTEGER, since INTEGER, epoch ms at which the oldest of them came in, or null
// mode: read
OPTIONAL MATCH (c:State {id: 'co_occurrence'})
CALL () {
  MATCH (e:Unfolded)
  RETURN count(e) AS events
}
CALL () {
  // They stand in the order in which they were made, but for places that were free again: among a hundred is the oldest.
  MATCH (e:Unfolded)
  WITH e LIMIT 100
  RETURN min(e.received_at) AS since
}
RETURN coalesce(c.state, 'live') AS state, events, since
