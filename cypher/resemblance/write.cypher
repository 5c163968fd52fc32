// purpose: Replace what some items resemble, fenced by the version's state and the job's run; serving hears of it at the end
// param: version STRING
// param: states LIST<STRING>, states in which the version may be written
// param: job_id STRING or null
// param: fence INTEGER or null, run of the job
// param: now INTEGER, epoch ms
// param: basis STRING, what the rows go by; rows of another basis are no longer trusted
// param: rows LIST<MAP> of source, targets LIST<STRING>, similarities LIST<FLOAT>; sorted by source
// returns: written INTEGER; no row where it is fenced
// mode: write
MATCH (v:EmbeddingVersion {id: $version})
SET v.id = $version
WITH v WHERE v.state IN $states
OPTIONAL MATCH (j:Job {id: $job_id})
WITH v, j WHERE $job_id IS NULL OR j.fence = $fence
MERGE (s:State {id: 'resemblance'})
// A run that is killed before the end leaves it to the next.
SET s.pending = true, s.writes = coalesce(s.writes, 0) + 1, s.basis = CASE WHEN s.basis = $basis THEN s.basis END
WITH coalesce(s.stamp, 0) + 1 AS stamp
CALL (stamp) {
  UNWIND $rows AS row
  MATCH (i:Item {id: row.source})
  SET i.resembles_at = stamp
  WITH i, row
  CALL (i) {
    MATCH (i)-[old:RESEMBLES]->()
    DELETE old
  }
  CALL (i, row) {
    UNWIND range(0, size(row.targets) - 1) AS place
    MATCH (n:Item {id: row.targets[place]})
    CREATE (i)-[r:RESEMBLES {similarity: row.similarities[place], version: $version, updated_at: $now}]->(n)
    RETURN count(r) AS written
  }
  RETURN sum(written) AS written
}
RETURN written
