"""`python -m sirec` is `sirec`."""

from sirec.cli.app import main

main()
