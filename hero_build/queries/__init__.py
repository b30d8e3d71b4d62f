"""Read-only answers as values: which apps exist, what is installed, what runs, the reasons of a decision, problems.

The fields of these classes are the keys of the JSON documents (docs/schemas/), so their names are part of the contract.
"""
