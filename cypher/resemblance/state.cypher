// purpose: Tell which version last joined the items that resemble each other
// returns: version STRING or null; no row where nothing was joined yet
// mode: read
MATCH (s:State {id: 'resemblance'})
RETURN s.version AS version
