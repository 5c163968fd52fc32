// purpose: Put some groups of a count
// param: run STRING, the count
// param: rows LIST<MAP> of key, attribute, label, low FLOAT or null, high FLOAT or null, users, items LIST<STRING>, lifts LIST<FLOAT>, rest FLOAT
// returns: written INTEGER; no row where another count has begun
// mode: write
MATCH (s:State {id: 'demographics'})
SET s.id = 'demographics'
WITH s WHERE s.run = $run
CALL () {
  UNWIND $rows AS row
  MERGE (d:Demographic {id: $run + ' ' + row.key})
  SET d.run = $run, d.attribute = row.attribute, d.label = row.label, d.low = row.low, d.high = row.high, d.users = row.users,
    d.items = row.items, d.lifts = row.lifts, d.rest = row.rest
  RETURN count(d) AS written
}
RETURN written
