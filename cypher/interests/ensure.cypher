// purpose: Make the interests that items are about, where they are missing
// param: rows LIST<MAP> of id, kind, name; sorted by id
// returns: nothing
// mode: write
UNWIND $rows AS row
MERGE (x:Interest {id: row.id})
  ON CREATE SET x.kind = row.kind, x.name = row.name
