"""Memory at run time: labelled memes in the ledger's database that vote beside the network.

Read ``store`` (what is kept of them), ``follower`` (how a worker holds and follows them), ``new_memes`` with ``labels``
and ``features`` (what one is made of), and ``trial`` (what one would change).
"""
