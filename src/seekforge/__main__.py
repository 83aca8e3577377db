"""`python -m seekforge`, which is how `torchrun -m seekforge` starts it."""

from seekforge.cli.app import main

if __name__ == "__main__":
    main()
