"""The commands of `zsad`, a file each: `add` describes one to the parser, and `run` is what it does."""
