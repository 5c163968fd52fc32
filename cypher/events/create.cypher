// purpose: Store new events that do not wait for the fold
// param: users LIST<MAP> of id, folded LIST<LIST> of events as `events/write` takes them
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
UNWIND $users AS row
FOREACH (event IN row.folded | CREATE (:Event {
  id: event[0], type: event[1], user_id: row.id, item_id: event[2], at: event[3], value: event[4], received_at: $now,
  at_given: event[5], query: event[6][0], followed_id: event[6][1], recommendation_id: event[6][2],
  context: event[6][3], interests: event[6][4], parts: event[6][5]
}))
