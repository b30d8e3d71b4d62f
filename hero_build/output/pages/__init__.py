"""Answers as text: a module per command, with a function from the answer and a terminal to lines."""
