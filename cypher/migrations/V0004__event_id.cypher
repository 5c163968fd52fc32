// purpose: Identity of Event
// returns: nothing
// mode: write
CREATE CONSTRAINT event_id IF NOT EXISTS FOR (n:Event) REQUIRE n.id IS UNIQUE
