"""A site in virtual time: the shipped database program on several hosts, and everything that can happen to them.

What is replaced is only what the program stands on: MySQL, files, the clock, and what hosts ask each other. The same seed gives the same history.
"""
