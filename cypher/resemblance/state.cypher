// purpose: Tell how the items that resemble each other were joined last
// returns: basis STRING or null, what all rows go by; writes INTEGER, transactions so far; changed INTEGER, items changed since all were compared; no row where nothing was joined yet
// mode: read
MATCH (s:State {id: 'resemblance'})
RETURN s.basis AS basis, coalesce(s.writes, 0) AS writes, coalesce(s.changed, 0) AS changed
