"""Which way of choosing images gains how much for models that were never scored, on data with planted dirt."""
