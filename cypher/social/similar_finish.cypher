// purpose: Say up to when similar users are whole
// param: run STRING
// param: version STRING
// param: until INTEGER, stamp of the version's vectors
// param: options STRING
// returns: run STRING; no row where another run has begun
// mode: write
MATCH (s:State {id: 'similar_users'})
SET s.id = 'similar_users'
WITH s WHERE s.run = $run
SET s.version = $version, s.until = $until, s.options = $options
RETURN s.run AS run
