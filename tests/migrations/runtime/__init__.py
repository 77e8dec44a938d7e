"""What runs migrations, on both databases."""
