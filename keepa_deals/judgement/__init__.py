"""From a product's history and offers to one number: what a copy bought now will leave, how sure that is, and why.

Pure. Nothing here knows a clock, a setting or a door to the world.
"""
