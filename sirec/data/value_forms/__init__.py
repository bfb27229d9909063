"""How values are written: words for nothing, lists in a cell, markup, numbers as text, spellings.

Each file recognises one form and reads it. The checks (`prepare.value_checks`) report what it
recognises, and the options of `sirec prepare` (`prepare.value_options`) change exactly that, so
that a finding goes away when its option is followed.
"""
