// purpose: Keep how far a pruning has come
// param: cursor STRING or null, last user done; null at the end
// param: begins_at INTEGER or null, epoch ms
// param: pruned INTEGER
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
MERGE (s:State {id: 'retention'})
SET s.cursor = $cursor, s.pruned = coalesce(s.pruned, 0) + $pruned, s.pruned_at = $now,
    s.begins_at = CASE WHEN $begins_at > coalesce(s.begins_at, 0) THEN $begins_at ELSE s.begins_at END,
    s.finished_at = CASE WHEN $cursor IS NULL THEN $now ELSE s.finished_at END
