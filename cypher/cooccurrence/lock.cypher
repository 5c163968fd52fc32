// purpose: Lock co-occurrence for a transaction that takes counted events away
// param: shards INTEGER wanted; taken over when no move waits
// returns: state STRING, as_of INTEGER, shards INTEGER
// mode: write
MERGE (s:State {id: 'co_occurrence'})
  ON CREATE SET s.state = 'live', s.generation = 0
SET s.id = 'co_occurrence'
SET s.shards = CASE WHEN s.shards IS NULL OR NOT EXISTS { (:Move) } THEN $shards ELSE s.shards END
RETURN s.state AS state, s.as_of AS as_of, s.shards AS shards
