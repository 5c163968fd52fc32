// purpose: Items by the words of their title
// returns: nothing
// mode: write
CREATE FULLTEXT INDEX item_title IF NOT EXISTS FOR (i:Item) ON EACH [i.title]
