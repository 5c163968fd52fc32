// purpose: Tell whether an import is under way, which ends with a recount of its own
// returns: importing BOOLEAN
// mode: read
// An import says how far it is, but not while it counts again at its end; hence the five minutes.
RETURN EXISTS {
  MATCH (m:Import {state: 'running'})
  WHERE m.updated_at > timestamp() - 300000
} AS importing
