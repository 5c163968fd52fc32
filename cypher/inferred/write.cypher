// purpose: Replace the inferred edges that lead to some items, fenced by the version's state and the job's run
// param: version STRING
// param: states LIST<STRING>, states in which the version may be written
// param: job_id STRING or null
// param: fence INTEGER or null, run of the job
// param: as_of INTEGER, epoch ms at which the weights stand
// param: rows LIST<MAP> of target, sources LIST<LIST> of id, weight, certainty; sorted by target
// returns: written INTEGER; no row where it is fenced
// mode: write
MATCH (v:EmbeddingVersion {id: $version})
SET v.id = $version
WITH v WHERE v.state IN $states
OPTIONAL MATCH (j:Job {id: $job_id})
WITH v, j WHERE $job_id IS NULL OR j.fence = $fence
CALL () {
  UNWIND $rows AS row
  MATCH (n:Item {id: row.target})
  CALL (n, row) {
    MATCH (i:Item)-[old:MAY_CO_OCCUR]->(n)
    WHERE NOT i.id IN [entry IN row.sources | entry[0]]
    DELETE old
  }
  CALL (n, row) {
    UNWIND row.sources AS entry
    MATCH (i:Item {id: entry[0]})
    MERGE (i)-[r:MAY_CO_OCCUR]->(n)
    SET r.weight = entry[1], r.certainty = entry[2], r.source = 'inferred', r.version = $version, r.updated_at = $as_of
    RETURN count(r) AS written
  }
  RETURN sum(written) AS written
}
RETURN written
