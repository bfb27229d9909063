"""`python -m sirec` is `sirec`."""

from sirec.cli.main import main

main()
