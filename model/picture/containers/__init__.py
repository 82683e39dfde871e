"""Room of file formats: what the bytes of each say, found without decoding a pixel.

Each module's ``parse`` walks one format and hands on a ``Container`` (``base``): the frames, each as a small file that
holds nothing but pixels, with the orientation and the colour space beside them. Comments, thumbnails and other metadata
go no further, so that no decoder can be kept busy with them. ``sniff`` tells the formats apart.
"""
