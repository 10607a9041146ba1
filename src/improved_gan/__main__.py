"""`python -m improved_gan`: the command `improved-gan`."""

from improved_gan.cli import main

main()
