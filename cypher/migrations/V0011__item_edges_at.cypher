// purpose: Items whose edges or popularity changed lately
// returns: nothing
// mode: write
CREATE INDEX item_edges_at IF NOT EXISTS FOR (i:Item) ON (i.edges_at)
