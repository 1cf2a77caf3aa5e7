-- Every column that is shown of a run has a value in one that is under way.
UPDATE agent_runs SET model = 'claude-opus-4-8', effort = 'high', cost_usd = 0.5, input_tokens = 1, output_tokens = 2,
    cache_read_tokens = 3, cache_creation_tokens = 4;
