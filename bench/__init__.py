"""What `make bench` and `make profile` measure; never imported by the product."""
