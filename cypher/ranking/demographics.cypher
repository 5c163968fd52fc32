// purpose: Give the present groups of users with the same attribute, and what they take more often than others
// returns: attribute STRING, label STRING, low FLOAT or null, high FLOAT or null, users INTEGER, items LIST<STRING>, lifts LIST<FLOAT>, rest FLOAT
// mode: read
MATCH (s:State {id: 'demographics'})
// Ids begin with the run, so that the index finds those of the present one.
MATCH (d:Demographic) WHERE d.id STARTS WITH s.present + ' '
RETURN d.attribute AS attribute, d.label AS label, d.low AS low, d.high AS high, d.users AS users, d.items AS items,
  d.lifts AS lifts, d.rest AS rest
ORDER BY d.id
