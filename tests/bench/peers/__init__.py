"""Other queues on the same machine in the same run, each as durable as Millrace: flushed before it answers.

A peer is a module with NAME, NEEDS (what to install), there() and measure(build, folder, seconds). `measure` returns figures
by what was done: submit (one at a time, over 64 connections unless it says otherwise), submit_1, batch, run (claimed, done
and recorded), latency.
"""
