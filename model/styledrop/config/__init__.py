"""All settings, each declared once: the library is called with them, and documents are read into them.

Nothing here needs torch or another module of `styledrop`, so that reading documents stays cheap.
A field's docstring is also its description in JSON schemas, forms and error messages.
Settings that cannot be met raise pydantic's `ValidationError`, which is a `ValueError`.
"""
