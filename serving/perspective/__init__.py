"""The Perspective API (commentanalyzer v1alpha1), whose own service ends on 31 December 2026.

Read ``paths``, ``attributes`` (what is answered, and why no more), ``request`` (its body to a comment), ``comment``
(its words and their sentences), ``comment_judge`` (to verdicts), ``response`` (to scores) and ``route``; then
``suggestion`` (``suggestscore``) and ``discovery`` (the document that Google's clients are built from). ``errors`` is
what they read of a problem.
"""
