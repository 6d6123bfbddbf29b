"""GlassGPT: the whole of GPT-2, clear and fast."""
