// purpose: Take events out of those that wait for the fold because a recount has them, if it still owns the state
// param: run STRING
// param: events LIST<STRING>
// returns: state STRING; no row where another recount owns the state
// mode: write
MATCH (s:State {id: 'co_occurrence'})
SET s.id = 'co_occurrence'
WITH s WHERE s.run = $run AND s.state = 'rebuilding'
CALL () {
  UNWIND $events AS id
  MATCH (e:Event {id: id})
  REMOVE e:Unfolded
}
RETURN s.state AS state
