"""Moderators that can be asked: read ``base``, ``bundle`` (and ``verdicts``), ``polite_client`` (how a server is asked,
and when no longer), ``http_target``, ``memeguard_server``, ``openai_shape``, ``described`` (any other, by a YAML file;
its schema is ``description``), then ``named``, which finds the one that a command line names.
"""
