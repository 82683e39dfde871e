"""Room of pictures: untrusted bytes become the views that people are shown of them.

Read ``door`` first (the order of things), then ``containers`` (what each file format's bytes say), ``pixels`` (Pillow
decodes one picture), ``colour`` with ``icc`` (to sRGB), ``frames`` (animations), ``blocks`` (what is a visible
difference) and ``grounds`` (clear parts). ``limits`` and ``views`` are the values that they speak in.
"""
