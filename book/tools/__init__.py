"""What makes the book of the notebooks: executes them, shows and keeps what they find, draws, and puts pages together.

Nothing of it is in the installed package: it is imported from a checkout.
"""
