"""What a buyer may like to see next."""
