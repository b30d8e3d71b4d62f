"""Read-only answers, as values: what there is, what is installed, what runs, why a decision falls, what is wrong.

A field of these classes is a key of the JSON documents (docs/schemas/): renaming one breaks whoever reads them.
"""
