"""SQL expressions: the tree's constructors and what they are made of."""
