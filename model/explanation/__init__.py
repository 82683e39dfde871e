"""Why a meme got its scores: what its words and the regions of its picture do to them, asked of the network itself.

Read ``game`` (who can be hidden, and what the network says without them), then ``words`` and ``regions``.
"""
