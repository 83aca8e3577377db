"""lm-evaluation-harness on our tasks: the task written for it, the run in its own environment, its answers beside ours.

Source: https://github.com/EleutherAI/lm-evaluation-harness
"""
