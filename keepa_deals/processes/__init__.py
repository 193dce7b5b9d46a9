"""Running the installation: what is started, by whom, how it is healed and how it ends.

`python -m keepa_deals.processes <start|stop|kill|status|restore>` is the front door; the scripts at the top
level call it. `build`, `virtualenv` and `speech` import nothing but the standard library: they run before
anything is installed.
"""
