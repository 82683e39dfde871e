"""What people see of a text: the same for the network and for the lists of words.

Read ``folding`` (the chain that every text goes through), then its steps in their order: ``direction`` (overrides
applied), ``characters`` (what is invisible), ``letter_symbols`` (letters as emoji), ``composition`` (NFKC, and heaps of
marks), ``turned`` (upside down), ``confusables`` (look-alikes), ``letters_apart`` and ``leet`` (words taken apart, or
written in digits). Beside it, ``emoji_names`` spells what is left of emoji, for the network alone, and ``readings`` are
the ways in which a text may be read, for lists of words and for what is known. ``identity_terms`` finds who is named,
so that errors can be counted by group.
"""
