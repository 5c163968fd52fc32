// purpose: Begin to count how interests are related, fencing off any other count
// param: run STRING
// param: at INTEGER, epoch ms
// returns: nothing
// mode: write
MERGE (s:State {id: 'relations'})
SET s.run = $run, s.began_at = $at, s.finished_at = null
