"""The routes, a file for each thing that callers ask for; ``app.py`` puts them together."""
