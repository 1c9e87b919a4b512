"""The lower half: what a report is and how it is judged. No network, no clock, no bot.

Bottom up: terms, errors · text · regions, acknowledgement, features, policy · rulebook, learned · training, evaluation ·
labelled, modelcard · pages. Beside them what they draw with: curves, plots.
"""
