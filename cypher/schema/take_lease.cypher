// purpose: Take or prolong the lease on migrating where nobody else holds it or its time is over
// param: owner STRING
// param: now INTEGER epoch ms
// param: until INTEGER epoch ms
// returns: taken BOOLEAN
// mode: write
MERGE (l:Lease {id: 'migration'})
SET l.touched_at = $now
WITH l, l.owner IS NULL OR l.owner = $owner OR l.until < $now AS free
FOREACH (_ IN CASE WHEN free THEN [1] ELSE [] END | SET l.owner = $owner, l.until = $until)
RETURN l.owner = $owner AS taken
