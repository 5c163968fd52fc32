// purpose: Delete the moves that a shard has worked in and give the stamp of what changed, unless a recount began
// param: run STRING of the latest recount when they were read
// param: shard INTEGER
// param: seqs LIST<INTEGER>
// param: as_of INTEGER, epoch ms
// param: now INTEGER, epoch ms
// returns: stamp INTEGER; no row where a recount began
// mode: write
MATCH (s:State {id: 'co_occurrence'})
SET s.id = 'co_occurrence'
WITH s WHERE s.state = 'live' AND coalesce(s.run, '') = $run
SET s.folded_at = CASE WHEN s.folded_at >= $now THEN s.folded_at + 1 ELSE $now END,
    s.as_of = CASE WHEN s.as_of >= $as_of THEN s.as_of ELSE $as_of END
WITH s
CALL () {
  UNWIND $seqs AS seq
  MATCH (m:Move {shard: $shard, seq: seq})
  DELETE m
}
RETURN s.folded_at AS stamp
