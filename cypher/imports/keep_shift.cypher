// purpose: Keep by how much a data set's times are shifted, the first time for good
// param: id STRING
// param: shift_ms INTEGER, wanted now
// param: now INTEGER, epoch ms
// returns: shift_ms INTEGER
// mode: write
MERGE (i:Import {id: $id})
  ON CREATE SET i.kind = 'shift', i.state = 'finished', i.shift_ms = $shift_ms, i.started_at = $now
RETURN i.shift_ms AS shift_ms
