"""What scores partitions: processes that may die, and those who hold them.

From the outside in: ``local_engine.py`` or ``ray_engine.py`` (many workers), ``supervisor.py`` (one worker, replaced
when it dies, with ``crash_counts.py`` on disk), ``worker_process.py`` (the process), ``score_partition.py`` (one
partition scored).
"""
