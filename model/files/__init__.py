"""Files of data, as training and batch both find them: text of tables, cells that say nothing, pictures that rows name.

Read ``table_text`` and ``cells`` (what a table holds), ``picture_names`` (what is a picture), ``spellings`` (what a row
may call one) and ``folder_index``, then ``picture_finder``, which is made of these.
"""
