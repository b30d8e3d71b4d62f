"""Answers as text: a module per command, a function from the answer and the paper to lines."""
