// purpose: Identity of Lease, so that two processes that migrate meet at one node
// returns: nothing
// mode: write
CREATE CONSTRAINT lease_id IF NOT EXISTS FOR (l:Lease) REQUIRE l.id IS UNIQUE
