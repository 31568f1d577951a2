"""Measurements beside the cells that single pages ask for, through `page.computed`.

They take models and images, and give tables or arrays.
"""
