// purpose: Begin to compare users, fencing off any other run
// param: run STRING
// returns: nothing
// mode: write
MERGE (s:State {id: 'similar_users'})
SET s.run = $run
