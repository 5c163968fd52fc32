// purpose: Note how an import ended
// param: id STRING
// param: state STRING, finished or stopped
// param: rows INTEGER
// param: accepted INTEGER
// param: duplicates INTEGER
// param: rejected INTEGER
// param: unsettled INTEGER, rejected rows that another try may accept
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
MATCH (i:Import {id: $id})
SET i.state = $state, i.rows = $rows, i.accepted = $accepted, i.duplicates = $duplicates, i.rejected = $rejected,
    i.unsettled = $unsettled, i.updated_at = $now, i.finished_at = $now
