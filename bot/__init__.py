"""Beambot: look up, watch and cancel Beam tasks from Slack.

Imports go one way: ``app → slack, web, schedule → services → beam, storage → tasks``;
``tests/test_imports.py`` enforces it.
"""
