"""What people's servers use: each tells it of itself, administrators read it."""
