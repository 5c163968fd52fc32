// purpose: Write vectors of nodes under a version, fenced by the version's state and the job's run
// param: version STRING
// param: states LIST<STRING>, states in which the version may be written
// param: job_id STRING or null
// param: fence INTEGER or null, run of the job
// param: now INTEGER, epoch ms
// param: property STRING, name of the vectors' property
// param: rows LIST<MAP> of id, vector LIST<FLOAT>; sorted by id
// returns: written INTEGER; no row where it is fenced
// mode: write
MATCH (v:EmbeddingVersion {id: $version})
// The write takes the lock: write-backs of one version are serial, and state and fence cannot change below.
SET v.id = $version
WITH v WHERE v.state IN $states
OPTIONAL MATCH (j:Job {id: $job_id})
WITH v, j WHERE $job_id IS NULL OR j.fence = $fence
SET v.vectors_at = CASE WHEN v.vectors_at >= $now THEN v.vectors_at + 1 ELSE $now END
WITH v.vectors_at AS stamp
CALL (stamp) {
  UNWIND $rows AS row
  MATCH (n:<<label>> {id: row.id})
  CALL db.create.setNodeVectorProperty(n, $property, row.vector)
  SET n.<<embedded_at>> = stamp
  RETURN count(n) AS written
}
RETURN written
