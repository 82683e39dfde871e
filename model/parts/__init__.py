"""The parts in which a meme is judged, so that all that people see of it counts.

Read ``reading`` (a meme with its words), ``windows`` (pieces of a long text), ``split`` (windows times views), then
``pooling`` (the highest counts).
"""
