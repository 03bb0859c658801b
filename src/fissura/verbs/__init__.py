"""The verbs: what a user asks for, each joining the rooms that do it. They return objects and print nothing.

Each module is loaded when one of its verbs is first asked for; see `fissura`.
"""
