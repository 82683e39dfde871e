"""Known memes of the service, in the ledger's database: banks of them, and memory of labelled ones.

Read ``bank`` (what a bank and an entry are), ``bank_store`` (statements on the tables), ``bank_index`` (entries as a
worker holds them), ``bank_follower`` (which keeps them true); then ``bank_files`` (import and export) and
``bank_retro``.
"""
