// purpose: Note that messages of jobs were sent
// param: ids LIST<STRING>
// returns: nothing
// mode: write
UNWIND $ids AS id
MATCH (j:Job {id: id})
SET j.sent_at = timestamp()
