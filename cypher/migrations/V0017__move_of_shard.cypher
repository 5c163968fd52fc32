// purpose: Moves that wait for a shard, in the order in which they were put
// returns: nothing
// mode: write
CREATE CONSTRAINT move_of_shard IF NOT EXISTS FOR (m:Move) REQUIRE (m.shard, m.seq) IS UNIQUE
