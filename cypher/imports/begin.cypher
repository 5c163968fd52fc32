// purpose: Note that an import begins, or give where an earlier one of the same file and mapping stands
// param: id STRING
// param: kind STRING
// param: source STRING, name of the file
// param: sha256 STRING, of its content
// param: mapping STRING, digest of columns and options
// param: now INTEGER, epoch ms
// param: again BOOLEAN, whether to begin from the start in any case
// returns: state STRING, cursor INTEGER, accepted INTEGER, duplicates INTEGER, rejected INTEGER, rows INTEGER, unsettled INTEGER, started_at INTEGER epoch ms
// mode: write
MERGE (i:Import {id: $id})
  ON CREATE SET i.kind = $kind, i.sha256 = $sha256, i.mapping = $mapping, i.state = 'new'
SET i.source = $source
WITH i, $again OR i.state <> 'running' AND NOT (i.state = 'finished' AND i.unsettled = 0) AS fresh
FOREACH (_ IN CASE WHEN fresh THEN [1] ELSE [] END |
  SET i.state = 'running', i.cursor = 0, i.accepted = 0, i.duplicates = 0, i.rejected = 0, i.rows = 0,
      i.unsettled = 0, i.started_at = $now, i.finished_at = null, i.updated_at = $now
)
RETURN i.state AS state, i.cursor AS cursor, i.accepted AS accepted, i.duplicates AS duplicates,
  i.rejected AS rejected, i.rows AS rows, i.unsettled AS unsettled, i.started_at AS started_at
