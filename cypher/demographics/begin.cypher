// purpose: Begin to count groups of users, fencing off any other count
// param: run STRING
// param: at INTEGER, epoch ms
// param: names LIST<STRING>, the attributes
// returns: nothing
// mode: write
MERGE (s:State {id: 'demographics'})
SET s.run = $run, s.began_at = $at, s.names = $names
