"""What a bundle is worth on labelled memes: scores by the code that serves, metrics with intervals, a report."""
