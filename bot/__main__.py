"""`python -m bot` and the command `triage`."""

from bot.cli.app import main

if __name__ == "__main__":
    main()
