// purpose: Find items by the time of their last change of content
// returns: nothing
// mode: write
CREATE INDEX item_updated_at IF NOT EXISTS FOR (i:Item) ON (i.updated_at)
