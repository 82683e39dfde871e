"""Items from files and to files: ``batch_sample.py`` takes in what ``memeguard batch`` sampled;
``label_studio_out.py`` and ``label_studio_in.py`` are for those who label in Label Studio."""
