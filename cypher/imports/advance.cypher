// purpose: Note how far an import has come
// param: id STRING
// param: cursor INTEGER, rows written for certain
// param: accepted INTEGER
// param: duplicates INTEGER
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
MATCH (i:Import {id: $id})
SET i.cursor = $cursor, i.accepted = $accepted, i.duplicates = $duplicates, i.updated_at = $now
