// purpose: Store new events that do not wait for the fold
// param: events LIST<LIST> of id, type, user_id, item_id, at, value, query, recommendation_id, digest, followed_id, context, interests, parts
// param: now INTEGER, epoch ms
// returns: nothing
// mode: write
UNWIND $events AS event
CREATE (:Event {
  id: event[0], type: event[1], user_id: event[2], item_id: event[3], at: event[4], value: event[5], query: event[6],
  recommendation_id: event[7], digest: event[8], received_at: $now, followed_id: event[9], context: event[10],
  interests: event[11], parts: event[12]
})
