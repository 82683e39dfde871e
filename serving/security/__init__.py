"""Who may call: API keys, their rates and scopes, and the gate that asks for them."""
