// purpose: Tell whether an import is under way, which ends with a recount of its own
// returns: importing BOOLEAN
// mode: read
RETURN EXISTS {
  MATCH (m:Import {state: 'running'})
  WHERE m.heartbeat_at > timestamp() - 60000
} AS importing
