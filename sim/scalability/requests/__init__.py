"""What is decided about one request: whether it is let in, tried again, tried twice, and when it is given up."""
