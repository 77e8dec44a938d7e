"""Extensions of the public face that a program imports by name."""
