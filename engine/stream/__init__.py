"""Events through a Redis stream: put in by senders who do not wait, taken out by a consumer, in batches."""
