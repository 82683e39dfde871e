"""Jobs: batch runs that callers ask for over HTTP, in a process of their own, whatever dies on the way.

Read in the order of a job: ``jobs.py`` (what routes call), ``upload.py`` (its input, sent or fetched, to a file),
``policies.py`` (who may decide in it), ``store.py`` (its row in the ledger's database: who may run it, how far it is),
``folder.py`` (its files), ``runner.py`` (who claims it), ``attempt.py`` (who holds its lease while a process does it),
``task.py`` (what that process is told and tells), ``worker/`` (what it does), ``document.py`` (a job as it is shown),
``webhook.py`` (its end is told).
"""
