"""Map of an index: near-duplicates, clusters, and a page that shows them.

In the order of a run: ``run.py`` puts the parts together. ``near_duplicates.py`` groups memes by PDQ; of each group one
is clustered. ``points.py`` (features, reduced), ``iterative_kmeans.py`` and ``density.py`` (clusters), ``facts.py`` and
``telling_words.py`` (what is said of each), ``layout.py`` (places on the map), ``tables.py``, ``map_page.py`` and
``label_sample.py`` (what is written). ``estimators.py`` alone knows scikit-learn.
"""
