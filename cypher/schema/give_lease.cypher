// purpose: Give the lease on migrating back
// param: owner STRING
// returns: nothing
// mode: write
MATCH (l:Lease {id: 'migration', owner: $owner})
REMOVE l.owner, l.until
