// purpose: Jobs by state
// returns: nothing
// mode: write
CREATE INDEX job_state IF NOT EXISTS FOR (j:Job) ON (j.state)
