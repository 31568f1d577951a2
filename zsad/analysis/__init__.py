"""What records say: frames in, frames out. Nothing here loads a model, reads a file or draws."""
