"""What a person or a program sees: events become a live view or lines, results become text or one JSON document."""
