"""Accuracy on public data and on the demo's; torch is imported by what is in here, not before."""

from engine.threads import wait_briefly

wait_briefly()
