"""What people see of a text: the same for the network and for the lists of words.

Read ``characters`` (which of them can be seen).
"""
