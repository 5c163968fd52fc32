// purpose: Histories: events of a user in the order of time
// returns: nothing
// mode: write
CREATE INDEX event_of_user IF NOT EXISTS FOR (e:Event) ON (e.user_id, e.at)
