// purpose: Leave stretches of sequences to every shard; the caller holds the lock of co-occurrence
// param: shards INTEGER
// param: events INTEGER that enter or leave
// param: as_of INTEGER, epoch ms
// param: payload BYTES
// returns: nothing
// mode: write
MATCH (s:State {id: 'co_occurrence'})
SET s.moves = coalesce(s.moves, 0) + 1
WITH s.moves AS seq
UNWIND range(0, $shards - 1) AS shard
CREATE (:Move {shard: shard, seq: seq, shards: $shards, events: $events, as_of: $as_of, payload: $payload})
