"""OpenAI's moderation endpoint: what it is sent becomes memes, and their verdicts become its answer."""
