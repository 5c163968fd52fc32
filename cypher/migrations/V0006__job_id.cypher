// purpose: Identity of Job
// returns: nothing
// mode: write
CREATE CONSTRAINT job_id IF NOT EXISTS FOR (n:Job) REQUIRE n.id IS UNIQUE
