// purpose: Delete topics that no item is about and no user is interested in
// param: run STRING
// returns: dropped INTEGER; no row where another run has begun
// mode: write
MATCH (s:State {id: 'topics'})
SET s.id = 'topics'
WITH s WHERE s.run = $run
CALL () {
  MATCH (x:Interest)
  WHERE x.source = 'clusters' AND NOT EXISTS { (x)<-[:ABOUT]-() } AND NOT EXISTS { (x)<-[:INTERESTED_IN]-() }
  DETACH DELETE x
  RETURN count(*) AS dropped
}
RETURN dropped
