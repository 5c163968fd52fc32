// purpose: Users with new behaviour, by when it was written
// returns: nothing
// mode: write
CREATE INDEX user_events_at IF NOT EXISTS FOR (u:User) ON (u.events_at)
