"""Why a meme got its scores: what its words and the regions of its picture do to them, asked of the network itself.

Read ``game`` (who can be hidden, and what the network says without them), ``words``, ``regions``, ``rescoring`` (the
games that a network plays), ``interactions`` (words and regions together), then ``explainer``, which does it all for a
part of a meme, and ``merging``, which makes one explanation of those of several parts.
"""
