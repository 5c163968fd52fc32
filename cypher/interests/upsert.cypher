// purpose: Make interests, or set kind and name where they differ
// param: rows LIST<MAP> of id, kind, name; sorted by id
// returns: created INTEGER, changed INTEGER, unchanged INTEGER
// mode: write
UNWIND $rows AS row
MERGE (x:Interest {id: row.id})
WITH x, row, x.name IS NULL AS created, coalesce(x.kind <> row.kind OR x.name <> row.name, false) AS changed
FOREACH (_ IN CASE WHEN created OR changed THEN [1] ELSE [] END | SET x.kind = row.kind, x.name = row.name)
RETURN sum(CASE WHEN created THEN 1 ELSE 0 END) AS created,
  sum(CASE WHEN changed THEN 1 ELSE 0 END) AS changed,
  sum(CASE WHEN created OR changed THEN 0 ELSE 1 END) AS unchanged
