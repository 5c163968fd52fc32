// purpose: Write the attention and the learnt weight of CO_OCCURS relationships under a version, fenced by the version's state and the job's run
// param: version STRING
// param: states LIST<STRING>, states in which the version may be written
// param: job_id STRING or null
// param: fence INTEGER or null, run of the job
// param: rows LIST<MAP> of source, targets LIST<LIST> of id, attention, learnt weight; sorted by source
// returns: written INTEGER; no row where it is fenced
// mode: write
MATCH (v:EmbeddingVersion {id: $version})
SET v.id = $version
WITH v WHERE v.state IN $states
OPTIONAL MATCH (j:Job {id: $job_id})
WITH v, j WHERE $job_id IS NULL OR j.fence = $fence
CALL () {
  UNWIND $rows AS row
  MATCH (i:Item {id: row.source})
  UNWIND row.targets AS target
  MATCH (i)-[r:CO_OCCURS]->(o:Item {id: target[0]})
  SET r.<<attention>> = target[1], r.<<learned>> = target[2]
  RETURN count(r) AS written
}
RETURN written
