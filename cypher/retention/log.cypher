// purpose: Tell from when on raw events are kept, and how far the last pruning has come
// returns: begins_at INTEGER epoch ms or null, pruned INTEGER events ever pruned, pruned_at INTEGER epoch ms or null, finished_at INTEGER epoch ms or null, cursor STRING or null
// mode: read
OPTIONAL MATCH (s:State {id: 'retention'})
RETURN s.begins_at AS begins_at, coalesce(s.pruned, 0) AS pruned, s.pruned_at AS pruned_at,
  s.finished_at AS finished_at, s.cursor AS cursor
