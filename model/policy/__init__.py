"""What is done about a score.

Read ``policy`` (what a policy is), ``decide`` (a verdict's decision), then ``schema`` and ``file`` (the YAML that
operators write), ``word_lists`` with ``aho_corasick``.
"""
