"""Page of one verdict with its explanation. Read ``page`` (the file), then ``evidence`` (what it shows)."""
