// purpose: Begin to find topics, fencing off any other run
// param: run STRING
// returns: nothing
// mode: write
MERGE (s:State {id: 'topics'})
SET s.run = $run
