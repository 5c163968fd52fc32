// purpose: Interests by the words of their name
// returns: nothing
// mode: write
CREATE FULLTEXT INDEX interest_name IF NOT EXISTS FOR (x:Interest) ON EACH [x.name]
