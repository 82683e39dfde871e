"""HTTP, batch and command line over ``model``. Nothing here imports torch.

A request passes ``service`` (the processes), ``http/`` (``app`` and the middleware around every route), a file of
``routes/`` or ``openai/``, ``requests/`` (what was sent), ``inference/`` (item to verdict) and ``ledger/`` (what is
kept); ``app_state`` holds the parts of a worker. Beside them lie ``schemas/``, ``security/``, ``observability/``,
``settings/`` and ``problems``. ``cli`` lists the commands of ``commands/``; ``batch/`` scores without HTTP.
"""
