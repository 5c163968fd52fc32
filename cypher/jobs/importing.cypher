// purpose: Tell whether an import is under way, or has just ended and counts again itself
// returns: importing BOOLEAN
// mode: read
// An import says how far it is, but not while it counts again at its end; hence the minutes.
RETURN EXISTS {
  MATCH (m:Import)
  WHERE m.updated_at > timestamp() - CASE m.state WHEN 'running' THEN 300000 ELSE 120000 END
} AS importing
