"""The programs of a host: one module a program, started as `webinfra-host PROGRAM`."""
