"""The command line: it parses options, calls `sirec.api` and prints; one file a command."""
